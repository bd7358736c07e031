// The published vulnerabilities that models are judged by, from data/*-advisories.json. Those files are part of the package, made and checked by
// tools/advisories; data/advisories.schema.json says what they look like.

import { readFileSync } from 'node:fs';
import type { Severity } from '../core/index.ts';
import type { VersionRange } from './version-range.ts';

export interface Advisory {
  readonly id: string;
  readonly cve?: string;
  readonly severity: Severity;
  readonly affected: readonly VersionRange[];
  /** `none`: which versions are affected is not known. */
  readonly basis: string;
  readonly fixed: readonly string[];
  /** Operations of graphs that reach it. */
  readonly ops?: readonly string[];
  /** `high`: no other operation reaches it. */
  readonly opsConfidence?: 'high' | 'medium' | 'low';
  readonly tfliteOps?: readonly string[];
  readonly component?: string;
  /** Of Keras: what a model file must have. */
  readonly features?: readonly string[];
  readonly impact: readonly string[];
  readonly trigger: 'both' | 'untrusted_model' | 'untrusted_input' | 'api_only' | 'local_user';
  readonly conditions?: readonly ('eager_only' | 'xla_jit' | 'gpu_only' | 'mkl_onednn_build')[];
}

function read(name: string): readonly Advisory[] {
  const file = new URL(`../../data/${name}`, import.meta.url);
  return (JSON.parse(readFileSync(file, 'utf8')) as { readonly advisories: readonly Advisory[] }).advisories;
}

export interface AdvisoryData {
  readonly tensorflow: readonly Advisory[];
  readonly keras: readonly Advisory[];
}

let data: AdvisoryData | undefined;

export function advisoryData(): AdvisoryData {
  data ??= { tensorflow: read('tensorflow-advisories.json'), keras: read('keras-advisories.json') };
  return data;
}
