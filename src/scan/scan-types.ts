// What a scan says: findings, verdict, inventory. Everything else in src/scan makes these, and every reporter reads them. Plain data, so that
// a report can cross a process boundary as JSON.

import type { AdvisoryInfo } from '../advisories/index.ts';
import type { Severity } from '../core/index.ts';
import type { CostModel } from '../cost/index.ts';

/**
 * What has to happen for the effect: `parse` opening the file with its usual library; `load` loading by any loader; `load-cpp` by the C++
 * loader only (TensorFlow Serving, Airlock); `load-python` by `tf.saved_model.load` or Keras only; `inference` a request to a signature;
 * `api` a call of a function that is not a signature; `saver` saving or restoring; `none` nothing known reaches it.
 */
export const triggers = ['parse', 'load', 'load-cpp', 'load-python', 'inference', 'api', 'saver', 'none'] as const;
export type Trigger = (typeof triggers)[number];

export type Category =
  | 'file-read'
  | 'file-write'
  | 'file-delete'
  | 'network'
  | 'code-execution'
  | 'custom-op'
  | 'configuration'
  | 'crash'
  | 'hang'
  | 'memory'
  | 'cross-model'
  | 'path-traversal'
  | 'malformed'
  | 'parser-differential'
  | 'contract'
  | 'servability'
  | 'payload'
  | 'backdoor'
  | 'weights'
  | 'advisory'
  | 'unreadable';

/** One rule, as `airlock scan --rules` prints it. Texts are whole sentences in plain English. */
export interface Rule {
  /** `category/short-name`, for example `file-read/op`; published ids keep their meaning. */
  readonly id: string;
  readonly title: string;
  readonly category: Category;
  /** The severity of its findings where nothing raises or lowers it. */
  readonly severity: Severity;
  /** True when it guesses: its findings may be wrong, and its rate of false alarms on benign models is measured. */
  readonly heuristic?: boolean;
  /** What would happen. */
  readonly effect: string;
  /** What to do about it. */
  readonly fix: string;
  /** Advisory, specification section or source file that it comes from. */
  readonly sources?: readonly string[];
}

/** Where, in words that a person can look up. Absent fields do not apply. */
export interface Location {
  /** Relative to what was scanned, `/` between folders, `!/` before the member of an archive: `model.zip!/saved_model.pb`. */
  readonly file: string;
  /** Tags of the MetaGraph: `serve`. */
  readonly metaGraph?: string;
  /** Function of the library; absent in the main graph. */
  readonly function?: string;
  readonly node?: string;
  readonly op?: string;
  /** Tensor, variable or layer; a JSON pointer in a JSON document; subgraph and operator of a TFLite model. */
  readonly path?: string;
  /** Byte offset in the file. */
  readonly offset?: number;
}

/** One step of the way from what a person does to the node: a root first, the node of the finding last. */
export interface ChainStep {
  /** `signature serving_default`, `calls __inference_f_12 (f)`, `input`, `control`, `gradient`, `implements api`, `graph in a string`. */
  readonly via: string;
  readonly function?: string;
  readonly node?: string;
  readonly op?: string;
}

/** From best to worst. */
export const origins = [
  'asset',
  'saver',
  'constant-inside',
  'constant-outside',
  'remote',
  'variable',
  'computed',
  'request',
] as const;
export type ArgumentOrigin = (typeof origins)[number];

export interface Argument {
  /** Input or attribute of the operation, key of the configuration. */
  readonly name: string;
  readonly value?: string;
  readonly origin?: ArgumentOrigin;
}

export interface Finding {
  readonly ruleId: string;
  readonly severity: Severity;
  readonly trigger: Trigger;
  /** One sentence that names the operation, the node and the value, and says what it does: `ReadFile "a/b" reads /etc/passwd`. */
  readonly message: string;
  readonly location: Location;
  /** Empty where there is no program. */
  readonly chain: readonly ChainStep[];
  readonly argument?: Argument;
  /** More precise than the rule's. */
  readonly effect?: string;
  readonly fix?: string;
  /** CVE or GHSA ids. */
  readonly advisories?: readonly string[];
}

/** A finding as it stands in a report. */
export interface ReportedFinding extends Finding {
  /** Hex, 16 characters: the same hazard at the same place has the same one in the next scan, for baselines and suppressions. */
  readonly fingerprint: string;
  /** Set when a suppression or baseline covers it: its reason. It does not count then. */
  readonly suppressed?: string;
}

/** One thing that was looked at. */
export interface Artifact {
  readonly file: string;
  /** `saved-model`, `tflite`, … (source/formats.ts). */
  readonly format: string;
  readonly bytes: number;
  /** What is worth knowing: number of nodes, functions, layers, tensors, the TensorFlow that wrote it. */
  readonly facts: Readonly<Record<string, string | number>>;
}

/** A part that could not be judged. Nothing with one of these is ever clean. */
export interface Unreadable {
  readonly file: string;
  readonly reason: string;
}

/** Something that published vulnerabilities may be about: an operation, a feature, a file format. Which of them are, is judged outside of the scan. */
export interface Use {
  readonly kind: 'tensorflow-op' | 'tflite-op' | 'keras-feature' | 'component';
  /** Name of the op; `model_features` of the Keras data; component of the TensorFlow data (`checkpoint_reader`, `image_decode`). */
  readonly name: string;
  readonly trigger: Trigger;
  readonly location: Location;
  /** True when what comes in depends on a request, false when it is constant, absent when that is not known. */
  readonly isRequestControlled?: boolean;
}

/** Findings of one rule; beyond that they are counted only, the mildest first. */
export const maxFindingsPerRule = 100;

/** Uses of one model at most: each of some 2,000 operations by how it is reached and by who decides what goes in. */
export const maxUses = 20_000;

/** What the process that scans sends back: all of a report that the model decides. Whether it is clean is decided by who asked. */
export interface ScanResult {
  readonly artifacts: readonly Artifact[];
  readonly unreadable: readonly Unreadable[];
  readonly findings: readonly Finding[];
  /** How many findings of a rule were left out, by rule id, because one model may not fill a disk. */
  readonly leftOut: Readonly<Record<string, number>>;
  /** One each of what the model uses, by kind, name, way of reaching it and control; see `maxUses`. */
  readonly uses: readonly Use[];
  /** What requests to it will cost, where that was asked for and it is a model that can be served. */
  readonly cost?: CostModel;
}

/** What a scan is asked to do, as it crosses to the process that does it. */
export interface ScanRequest {
  /** Absolute path of a file or folder. */
  readonly path: string;
  /** The TensorFlow that is meant, for example `2.21.0`. */
  readonly tensorflow: string;
  /** Also say what requests will cost. */
  readonly withCost?: boolean;
}

/** `clean`: all was read and nothing found at `refuseAt` or above. `refused`: something was. `unreadable`: neither can be said. */
export type ScanVerdict = 'clean' | 'refused' | 'unreadable';

export interface Report {
  readonly schema: 'https://tf-airlock/report/v1';
  readonly scanner: {
    readonly name: 'airlock';
    readonly version: string /** SHA-256 over rules and data. */;
    readonly rules: string;
  };
  /** The TensorFlow that was assumed. */
  readonly tensorflow: string;
  /** The last part of what was scanned; never a whole path. */
  readonly target: string;
  readonly startedAt: string;
  readonly durationMs: number;
  readonly verdict: ScanVerdict;
  readonly refuseAt: Severity;
  readonly artifacts: readonly Artifact[];
  readonly unreadable: readonly Unreadable[];
  /** Worst first. */
  readonly findings: readonly ReportedFinding[];
  /** How many findings of a rule were left out, by rule id, because one model may not fill a disk. */
  readonly leftOut: Readonly<Record<string, number>>;
  /** Published vulnerabilities, judged for this model. */
  readonly advisories: readonly AdvisoryVerdict[];
  /** Which data they were judged by. */
  readonly advisoryData: AdvisoryInfo;
  /** What the model uses: enough to judge it again by other data or for another TensorFlow, without a scan. */
  readonly uses: readonly Use[];
}

/** What is known about one published vulnerability for this model in this TensorFlow. */
export interface AdvisoryVerdict {
  readonly id: string;
  readonly cve?: string;
  readonly severity: Severity;
  readonly package: 'tensorflow' | 'keras';
  /** VEX terms; `not_affected` always has a justification. */
  readonly status: 'affected' | 'not_affected' | 'under_investigation';
  readonly justification?:
    | 'component_not_present'
    | 'vulnerable_code_not_present'
    | 'vulnerable_code_not_in_execute_path'
    | 'vulnerable_code_cannot_be_controlled_by_adversary';
  /** One sentence. */
  readonly why: string;
  readonly ops: readonly string[];
  readonly fixedVersions: readonly string[];
}
