// How a finding about a TFLite model is made: the place in words, the chain from a request to the operator. It never decides anything.
import type { Severity } from '../../core/index.ts';
import type { ScanContext } from '../scan-context.ts';
import type { ChainStep, Finding, Trigger } from '../scan-types.ts';
import { tfliteRules } from './rules.ts';
import type { Subgraph, TfliteModel, TfliteOperator, TfliteTensor } from './tflite-model.ts';

export interface Place {
  readonly subgraph?: Subgraph;
  readonly operator?: TfliteOperator;
  readonly tensor?: TfliteTensor;
}

export interface Say {
  readonly severity?: Severity;
  readonly trigger?: Trigger;
  readonly place?: Place;
  readonly argument?: Finding['argument'];
  readonly advisories?: readonly string[];
  readonly offset?: number;
}

const severityOf = new Map(tfliteRules.map((rule) => [rule.id, rule.severity]));

/** Reports findings of one file. */
export class Sayer {
  readonly file: string;
  readonly #context: ScanContext;
  readonly #ways: ReadonlyMap<number, readonly ChainStep[]>;

  /** @param ways for each subgraph that something reaches, the way to it. */
  constructor(file: string, context: ScanContext, ways: ReadonlyMap<number, readonly ChainStep[]>) {
    this.file = file;
    this.#context = context;
    this.#ways = ways;
  }

  isReached(subgraph: Subgraph): boolean {
    return this.#ways.has(subgraph.index);
  }

  say(ruleId: string, message: string, options: Say = {}): void {
    const { subgraph, operator, tensor } = options.place ?? {};
    const path = [
      ...(subgraph === undefined ? [] : [`subgraphs[${subgraph.index}]`]),
      ...(operator === undefined ? [] : [`operators[${operator.index}]`]),
      ...(tensor === undefined ? [] : [`tensors[${tensor.index}]`]),
    ].join('.');
    const way = subgraph === undefined ? [] : (this.#ways.get(subgraph.index) ?? []);
    this.#context.report({
      ruleId,
      severity: options.severity ?? severityOf.get(ruleId) ?? 'high',
      trigger: options.trigger ?? (subgraph === undefined ? 'load' : 'inference'),
      message,
      location: {
        file: this.file,
        ...(operator === undefined ? {} : { op: operator.name }),
        ...(path === '' ? {} : { path }),
        ...(options.offset === undefined ? {} : { offset: options.offset }),
      },
      chain: operator === undefined ? way : [...way, { via: `operator ${operator.index}`, op: operator.name }],
      ...(options.argument === undefined ? {} : { argument: options.argument }),
      ...(options.advisories === undefined ? {} : { advisories: options.advisories }),
    });
  }
}

/** What every judge of a model is given. */
export interface Judging {
  readonly model: TfliteModel;
  readonly sayer: Sayer;
  readonly context: ScanContext;
}
