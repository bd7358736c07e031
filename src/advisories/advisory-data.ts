// The published vulnerabilities that models are judged by, from data/*-advisories.json. Those files are part of the package, made and checked by
// tools/advisories; data/advisories.schema.json says what they look like.

import { createHash } from 'node:crypto';
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

/** Which data it is, and how old. */
export interface AdvisoryInfo {
  /** The day on which its sources were read, UTC: `2026-11-23`. */
  readonly read: string;
  /** `built-in`: what this Airlock came with. */
  readonly source: 'built-in' | 'update';
  /** SHA-256, hex. */
  readonly digest: string;
  /** Advisories, of TensorFlow and of Keras. */
  readonly count: number;
}

export interface AdvisoryData {
  readonly tensorflow: readonly Advisory[];
  readonly keras: readonly Advisory[];
  readonly info: AdvisoryInfo;
}

interface AdvisoryFile {
  readonly read: string;
  readonly advisories: readonly Advisory[];
}

let data: AdvisoryData | undefined;

export function advisoryData(): AdvisoryData {
  data ??= readBuiltIn();
  return data;
}

export function advisoryInfo(): AdvisoryInfo {
  return advisoryData().info;
}

function readBuiltIn(): AdvisoryData {
  const texts = ['tensorflow', 'keras'].map((name) =>
    readFileSync(new URL(`../../data/${name}-advisories.json`, import.meta.url), 'utf8'),
  );
  const [tensorflow, keras] = texts.map((text) => JSON.parse(text) as AdvisoryFile);
  const hash = createHash('sha256');
  for (const text of texts) hash.update(text);
  return {
    tensorflow: tensorflow.advisories,
    keras: keras.advisories,
    info: {
      read: [tensorflow.read, keras.read].sort()[0],
      source: 'built-in',
      digest: hash.digest('hex'),
      count: tensorflow.advisories.length + keras.advisories.length,
    },
  };
}
