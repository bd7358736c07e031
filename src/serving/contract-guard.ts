// The contract of one version at work, shared by its requests: the compiled rules, the limits that they set, and what was counted. Decides
// nothing about a request; that is contract-check.ts.
import type { CompiledContract, Contract, ImageJob } from '../contract/index.ts';
import type { JsonLimits, Signature } from '../tensor/index.ts';
import { ContractCheck } from './contract-check.ts';
import { ContractCounts, type ContractCountsReport } from './contract-counts.ts';
import type { HeldBytes } from './images/held-bytes.ts';
import type { ImageTurn } from './images/image-queue.ts';
import { type InputNumberRules, inputNumberRules } from './input-number-rules.ts';
import { type ViolationNotice, ViolationNotices } from './violation-notices.ts';

/** What makes clean images of those that a contract wants decoded; ImageDecoder is one. */
export interface ImageSource {
  decode(job: ImageJob, bytes: Uint8Array, turn: ImageTurn): Promise<Uint8Array>;
  /** Images that were made and are not with a model yet, or still with one; of all requests. */
  readonly held: HeldBytes;
}

export interface ContractGuardOptions {
  readonly contract: Contract;
  /** SHA-256 of the contract's meaning. */
  readonly digest: string;
  readonly compiled: CompiledContract;
  readonly images: ImageSource;
  /** Time that one request may spend in the decoder of images, all of its images together. */
  readonly imagesTimeoutMs: number;
  readonly onNotice?: (notice: ViolationNotice) => void;
  /** For tests: 0 ≤ draw < 1, once per request; see Findings. Default random. */
  readonly draw?: () => number;
  /** Milliseconds of a clock that nobody sets. */
  readonly clock?: () => number;
}

/** What an operator is told of a version's contract. */
export interface ContractReport extends ContractCountsReport {
  readonly id: string;
  readonly revision: number;
  /** The first twelve hex digits. */
  readonly digest: string;
  readonly mode: Contract['mode'];
}

export class ContractGuard {
  readonly contract: Contract;
  readonly compiled: CompiledContract;
  readonly images: ImageSource;
  readonly imagesTimeoutMs: number;
  readonly clock: () => number;
  readonly counts = new ContractCounts();
  readonly notices: ViolationNotices;
  /** True when an input demands that no number loses precision. */
  readonly narrows: boolean;
  readonly #digest: string;
  readonly #draw: () => number;
  readonly #numberRules = new Map<string, readonly InputNumberRules[]>();
  #limits: { readonly server: JsonLimits; readonly narrowed: JsonLimits } | undefined;

  constructor(options: ContractGuardOptions) {
    const { contract, digest, compiled, images, imagesTimeoutMs, onNotice, draw, clock } = options;
    this.contract = contract;
    this.compiled = compiled;
    this.images = images;
    this.imagesTimeoutMs = imagesTimeoutMs;
    this.clock = clock ?? (() => performance.now());
    this.#digest = digest;
    this.#draw = draw ?? Math.random;
    this.notices = new ViolationNotices(onNotice ?? (() => undefined), this.clock);
    this.narrows = [...contract.signatures.values()].some(({ inputs }) =>
      [...inputs.values()].some(({ number }) => number !== undefined && number.narrowing !== 'nearest'),
    );
  }

  /** The check of one request. */
  open(): ContractCheck {
    return new ContractCheck(this, this.#draw());
  }

  /** The server's limits, or the contract's where they are narrower. */
  limits(server: JsonLimits): JsonLimits {
    if (this.#limits?.server !== server) this.#limits = { server, narrowed: narrower(server, this.compiled.requestRules) };
    return this.#limits.narrowed;
  }

  /** Of input `index`, for the decoder. */
  numberRules(signature: Signature, index: number): InputNumberRules | undefined {
    let inputs = this.#numberRules.get(signature.name);
    if (inputs === undefined) {
      inputs = inputNumberRules(this.contract, signature);
      this.#numberRules.set(signature.name, inputs);
    }
    return inputs[index];
  }

  get report(): ContractReport {
    const { metadata, mode } = this.contract;
    return { id: metadata.id, revision: metadata.revision, digest: this.#digest.slice(0, 12), mode, ...this.counts.report };
  }
}

function narrower(server: JsonLimits, { maxBytes, maxDepth, maxTokens, maxElements }: Contract['request']): JsonLimits {
  const least = (limit: number, wish = Number.POSITIVE_INFINITY) => Math.min(limit, wish);
  return {
    maxBodyBytes: least(server.maxBodyBytes, maxBytes),
    maxDepth: least(server.maxDepth, maxDepth),
    maxTokens: least(server.maxTokens, maxTokens),
    maxElements: least(server.maxElements, maxElements),
    maxNumberChars: server.maxNumberChars,
  };
}
