// Says what the judges of Keras find, with severity and advisories of the rule unless they know better.
import type { Severity } from '../../core/index.ts';
import type { ScanContext } from '../scan-context.ts';
import type { Argument, Trigger } from '../scan-types.ts';
import { type ConfigPlace, chainOf, type Frame, locationOf } from './config-frame.ts';
import { kerasRules } from './rules.ts';

export interface KerasFinding {
  readonly rule: string;
  readonly message: string;
  readonly severity?: Severity;
  readonly argument?: Argument;
  readonly effect?: string;
  readonly advisories?: readonly string[];
  /** Default `load-python`. */
  readonly trigger?: Trigger;
}

/** Names in `model_features` of the Keras advisories (data/keras-advisories.json). */
export type KerasFeature =
  | 'Lambda layer'
  | 'config.json module/class_name deserialization'
  | 'config.json: keras.config.enable_unsafe_deserialization'
  | 'StringLookup/IndexLookup vocabulary path'
  | 'TorchModuleWrapper layer'
  | 'TFSMLayer (external SavedModel path)'
  | 'layer name containing ".."';

const severities: ReadonlyMap<string, Severity> = new Map(kerasRules.map(({ id, severity }) => [id, severity]));
const advisories: ReadonlyMap<string, readonly string[]> = new Map(
  kerasRules.map(({ id, sources = [] }) => [id, sources.filter((source) => source.startsWith('CVE-'))]),
);

/** Findings of one rule and severity in one document: more would say nothing new, and a million of them take minutes to make. */
const maxPerKind = 200;

/** Where judges of one document report to. */
export class KerasReporter {
  readonly context: ScanContext;
  readonly place: ConfigPlace;
  readonly #counts = new Map<string, number>();
  /** How the document is loaded, for chains: `loading model.keras`. */
  readonly root: string;

  constructor(context: ScanContext, place: ConfigPlace, root = `loading ${place.file}`) {
    this.context = context;
    this.place = place;
    this.root = root;
  }

  /** `frame` undefined: about the whole document. */
  report(frame: Frame | undefined, finding: KerasFinding): void {
    const { rule, trigger = 'load-python' } = finding;
    const severity = finding.severity ?? severities.get(rule) ?? 'medium';
    const count = (this.#counts.get(`${rule} ${severity}`) ?? 0) + 1;
    if (count > maxPerKind) return;
    this.#counts.set(`${rule} ${severity}`, count);
    const known = finding.advisories ?? advisories.get(rule) ?? [];
    this.context.report({
      ruleId: rule,
      severity,
      trigger,
      message: finding.message,
      location:
        frame === undefined
          ? { file: this.place.file, ...(this.place.pointer === '' ? {} : { path: this.place.pointer }) }
          : locationOf(frame, this.place),
      chain: frame === undefined ? [] : chainOf(frame, this.root),
      ...(finding.argument === undefined ? {} : { argument: finding.argument }),
      ...(finding.effect === undefined ? {} : { effect: finding.effect }),
      ...(known.length === 0 ? {} : { advisories: known }),
    });
  }

  use(frame: Frame | undefined, name: KerasFeature | string): void {
    const { file, pointer } = this.place;
    const location = frame === undefined ? { file, ...(pointer === '' ? {} : { path: pointer }) } : locationOf(frame, this.place);
    this.context.use({ kind: 'keras-feature', name, trigger: 'load-python', location });
  }
}
