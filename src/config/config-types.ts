// What a checked configuration looks like to the rest of the tree. Only schema.ts makes one, so a value of these types has
// passed every rule: paths are absolute, numbers are within their bounds, names are printable.
import type { Severity } from '../core/index.ts';
import type { TrustConfig } from './trust-types.ts';

/** The whole of airlock.yaml with its defaults filled in; frozen all the way down. */
export interface Config {
  readonly listen: ListenConfig;
  /** Absolute path of the folder that holds runtimes and staged models. Default `.airlock` beside the configuration. */
  readonly store: string;
  readonly runtime: RuntimeConfig;
  readonly sandbox: SandboxConfig;
  readonly limits: LimitsConfig;
  readonly scan: ScanConfig;
  /** Whose signatures count. Default nobody's: then each model has to be `unsafeUnsigned`. */
  readonly trust?: TrustConfig;
  /** Who can read recorded requests, and how much is kept. Default none: nothing is ever recorded. */
  readonly recording?: RecordingConfig;
  readonly telemetry: TelemetryConfig;
  /** At least one, at most 1,000; their names are different from each other. */
  readonly models: readonly ModelConfig[];
}

export interface ListenConfig {
  /** Default 127.0.0.1:8501. */
  readonly rest: ListenAddress;
  /** Must be true before `rest` may be an address that other machines reach. Default false. */
  readonly unsafeListenBeyondLoopback: boolean;
}

export interface ListenAddress {
  /** An IP address without brackets, for example `127.0.0.1` or `::1`. */
  readonly host: string;
  /** 0 lets the kernel choose a free one. */
  readonly port: number;
}

export interface RuntimeConfig {
  /** Version of TensorFlow, three numbers. Default 2.21.0; whether it is pinned is decided by src/runtime. */
  readonly tensorflow: string;
  /** Absolute path of a reviewed file with further pins; docs/runtime.md. Default none: only the pins that Airlock comes with. */
  readonly pins?: string;
  readonly patchWithin: PatchWithin;
  /** What a start does once a deadline of `patchWithin` has passed. Default `warn`. */
  readonly whenOverdue: 'warn' | 'refuse';
  /** From this age on the advisory data is called old. Default 30 days. */
  readonly maxAdvisoryAgeMs: number;
  /** When the installed files are hashed again beside every start: as `scan.schedule`. Default `@daily`. */
  readonly verify: string;
  readonly rollout: RolloutConfig;
}

/** How long after a fix could be had a published vulnerability may stay, by its severity, in milliseconds. */
export interface PatchWithin {
  /** Default 2 days. */
  readonly critical: number;
  /** Default 7 days. */
  readonly high: number;
  /** Default 30 days. */
  readonly medium: number;
  /** Default no deadline. */
  readonly low?: number | undefined;
}

/** How a promotion of another TensorFlow is watched before the old workers are let go. */
export interface RolloutConfig {
  /** How long both are kept. Default 10 minutes. */
  readonly observeMs: number;
  /** Requests that may fail for reasons of the server, in percent, before what served before serves again. Default 1. */
  readonly maxFailedPercent: number;
  /** Requests that the old worker answers too, so that the answers can be compared, in percent. Default 5. */
  readonly mirrorPercent: number;
}

/**
 * What must hold each worker. `require`: the server does not start with less; default `process`. `unsafeLevel`: workers are held
 * by no more than that, also where more would be possible.
 */
export type SandboxConfig = { readonly require: 'full' | 'process' } | { readonly unsafeLevel: 'seccomp-only' | 'none' };

/** How models are scanned before they are loaded, and again while they are served. */
export interface ScanConfig {
  /** From which severity on a finding keeps a version from being served. Default `high`. */
  readonly refuseAt: Severity;
  /** Whether versions are served without being scanned. Default false. */
  readonly unsafeOff: boolean;
  /** Absolute path of a file with findings that do not count; docs/scan.md. Default none. */
  readonly suppressions?: string;
  /** For one scan. Default 120,000. */
  readonly timeoutMs: number;
  /** Of the process that scans. Default 1024. */
  readonly memoryMiB: number;
  /** When all that is served is scanned again: cron with five fields in UTC, `@hourly`, `@daily`, `@weekly` or `never`. Default `@daily`. */
  readonly schedule: string;
  /** A scheduled scan begins up to so much later, so that many servers do not begin at once. Default 3,600,000. */
  readonly jitterMs: number;
  /** Who is told what got worse. Default nobody. */
  readonly webhook?: WebhookConfig;
}

export interface WebhookConfig {
  /** `https://…`, or `http://` on a loopback address. */
  readonly url: string;
  /** Absolute path of a file whose content signs each message with HMAC-SHA-256. */
  readonly secretFile: string;
}

export interface LimitsConfig {
  readonly request: RequestLimits;
  readonly http: HttpLimits;
  readonly machine: MachineLimits;
}

/** For all workers together. */
export interface MachineLimits {
  /** Memory of all workers, in MiB. Default 80 % of what the machine, or the control group of this server, has. */
  readonly memoryMiB?: number;
}

/** What the body of one request may cost, enforced while its bytes arrive. */
export interface RequestLimits {
  /** After gzip is undone. Default 32 MiB. */
  readonly maxBodyBytes: number;
  /** Nesting of lists and objects. Default 32. */
  readonly maxDepth: number;
  /** Keys, scalars and brackets. Default 8,000,000. */
  readonly maxTokens: number;
  /** Elements of all tensors of one request. Default 4,000,000. */
  readonly maxElements: number;
  /** Characters of one number. Default 256. */
  readonly maxNumberChars: number;
  /** Bytes of the bodies of all requests that are not answered yet. Default 512 MiB. */
  readonly maxBufferedBytes: number;
  /** Of `maxBufferedBytes`, for the requests of one client, and less the more the others hold; 100 is no bound. Default 50. */
  readonly maxClientPercent: number;
}

/** Node leaves several of these open; here each has a value. */
export interface HttpLimits {
  /** From the first byte of a request to its last. Default 30,000. */
  readonly requestTimeoutMs: number;
  /** From the first byte of a request to the end of its headers. Default 10,000; not above `requestTimeoutMs`. */
  readonly headersTimeoutMs: number;
  /** How long an idle connection is kept. Default 60,000. */
  readonly keepAliveTimeoutMs: number;
  /** Open connections. Default 1,024. */
  readonly maxConnections: number;
  /** Of `maxConnections`, for one client, and less the more the others have; 100 is no bound. Default 50. */
  readonly maxClientPercent: number;
}

export interface ModelConfig {
  /** What clients call it: 1 to 128 printable characters, no `/` and no `:`. */
  readonly name: string;
  /** Absolute path of the folder that holds the version folders, or of one SavedModel. */
  readonly path: string;
  /** The policy of `trust.policies` that its versions must satisfy; there exactly when `unsafeUnsigned` is false. */
  readonly trust?: string;
  /** Whether it is served without any signature. Default false. */
  readonly unsafeUnsigned: boolean;
  /** Default: the newest version. */
  readonly versions: VersionPolicy;
  /** Names for versions, as in `/labels/stable`. Default none. */
  readonly labels: Readonly<Record<string, bigint>>;
  /** Which MetaGraph of the SavedModel is loaded. Default `[serve]`. */
  readonly tags: readonly string[];
  /** `compat` takes every shape that TensorFlow Serving takes; `strict`, the default, only those that the signature names. */
  readonly shapes: 'strict' | 'compat';
  /** Whether NaN and Infinity may be in a request and in an answer. Default `refuse`. */
  readonly nonFinite: 'refuse' | 'allow';
  /**
   * Whether a second worker waits so that a restart is fast: `true` one without the model, which holds some 200 MiB; `loaded` one with it, which takes over at once and
   * holds as much as the first. Default false.
   */
  readonly spareWorker: boolean | 'loaded';
  /** Absolute path of the contract of the model. Default none: only what the signature says is checked. */
  readonly contract?: string;
  /** Default none. */
  readonly rateLimits?: RateLimits;
  /** Whether requests of this model may be recorded; only where the file has a recording section. Default not. */
  readonly recording?: ModelRecordingConfig;
  readonly rehearsal: RehearsalConfig;
  readonly limits: ModelLimits;
  readonly workers: WorkersConfig;
  /** Default none: each request runs by itself. */
  readonly batching?: BatchingConfig;
  /** Default none: as many requests as `limits` allow. */
  readonly concurrency?: ConcurrencyConfig;
  /** Of the requests, in percent, so many are run with TensorFlow's tracing on; docs/profile.md. Default 0. */
  readonly profilePercent: number;
}

/** Recordings of requests, for rehearsals of another TensorFlow; docs/recording.md. */
export interface RecordingConfig {
  /** X25519 recipients of age, `age1…`; whoever has the identity of one can read what is recorded, and the server cannot. 1 to 16. */
  readonly recipients: readonly string[];
  /** Of all recordings together, encrypted; the oldest go first. Default 256. */
  readonly maxMiB: number;
  /** How long a recording is kept, in milliseconds. Default 30 days. */
  readonly keepFor: number;
  /** The most that `airlock record start --sample` may ask for, in percent of the accepted requests. Default 10. */
  readonly maxSamplePercent: number;
}

export interface ModelRecordingConfig {
  /** Inputs, and features of tf.Example inputs as `input.feature`, of which a stand-in is kept in place of the value. Default none. */
  readonly redact: readonly string[];
}

/** How another TensorFlow is compared with the one that serves; docs/rehearsal.md. */
export interface RehearsalConfig {
  /** Absolute path of a file with one body of a REST predict request per line. Default none. */
  readonly golden?: string;
  readonly tolerance: ToleranceConfig;
  /** Rows of an output whose largest element may become another one, in percent. Default 0. */
  readonly maxClassFlipPercent: number;
  /** By how much the median time of a request may grow. Default 2. */
  readonly maxLatencyRatio: number;
  /** By how much a worker's memory may grow. Default 1.5. */
  readonly maxMemoryRatio: number;
}

/** Two numbers are the same when they differ by at most `absolute + relative × |old|`. */
export interface OutputTolerance {
  readonly absolute: number;
  readonly relative: number;
}

/** For floating-point outputs; integers, booleans and strings must be equal unless their output is named here. Defaults 1e-5 and 1e-4. */
export interface ToleranceConfig extends OutputTolerance {
  /** By the name of the output. Default none. */
  readonly outputs: Readonly<Record<string, OutputTolerance>>;
}

/** How much may be asked of one model in a time, in units of cost; docs/rate-limits.md says what a request costs. */
export interface RateLimits {
  /** For each client: an IPv4 address, or an IPv6 network of 64 bits. */
  readonly perClient?: RateLimit;
  /** For all clients together. */
  readonly perModel?: RateLimit;
  /** Only with `perClient`, and then always there. */
  readonly slowViolators?: SlowViolators;
}

export interface RateLimit {
  readonly unitsPerSecond: number;
  /** Units that may be spent at once after a pause; a request that costs more is never accepted. */
  readonly burst: number;
}

/** What clients pay that go on sending what is refused. */
export interface SlowViolators {
  /** Refusals in a row that cost nothing more. Default 3. */
  readonly freeViolations: number;
  /** What the first one after those costs; each further one costs twice as much. 0 turns this off. Default 1 % of the burst. */
  readonly penaltyUnits: number;
  /** A client never owes more than this. Default 10 bursts. */
  readonly maxDebtUnits: number;
  /** Half of a client's violations are forgotten after this time. Default 60,000. */
  readonly forgetAfterMs: number;
}

/** Which version folders are served, as TensorFlow Serving has it; `latest` counts only versions that can be served. */
export type VersionPolicy =
  | { readonly kind: 'latest'; readonly count: number }
  | { readonly kind: 'all' }
  | { readonly kind: 'specific'; readonly versions: readonly bigint[] };

/** What one request of a model, and its worker, may cost. */
export interface ModelLimits {
  /** A request that is not answered after it is given up. Default 2,000. */
  readonly timeoutMs: number;
  /** How long the worker may run on after that before it is killed. Default 500. */
  readonly graceMs: number;
  /** Threads inside one op. Default 1. */
  readonly intraOpThreads: number;
  /** Threads that run ops side by side. Default 1. */
  readonly interOpThreads: number;
  /** Requests that wait in the server. Default 256. */
  readonly maxQueue: number;
  /** Bytes of all outputs of one answer. Default 64 MiB. */
  readonly maxOutputBytes: number;
  /** A worker that has not loaded the model after it is killed. Default 120,000. */
  readonly loadTimeoutMs: number;
  /** Memory of the worker's own, in MiB; a worker that takes more is ended. Default 4,096. */
  readonly memoryMiB: number;
  /** Share of one core that the worker may use, 100 being a whole core; needs a delegated cgroup. Default no limit. */
  readonly cpuPercent?: number;
  /** Processor time that one request may take in the worker, all threads together. Default no limit. */
  readonly cpuMs?: number;
  /** Floating-point operations that one request may take, as predicted. Default no limit. */
  readonly maxCost?: number;
  /** Memory that one request may take, as predicted, beside the model. Default what `memoryMiB` leaves beside the model. */
  readonly maxRequestMemoryMiB?: number;
  /** What becomes of a request whose cost cannot be bounded. Default `allow`: the other limits have to hold it. */
  readonly unknownCost: 'allow' | 'refuse';
  /** For the requests of each client at one time, and for those of all clients. Default no limit. */
  readonly perClient?: ShareLimits;
  readonly perModel?: ShareLimits;
  /** By the type of an operation (`MatMul`), and by the name of a node; for one request. Default no limit. */
  readonly ops: Readonly<Record<string, OpLimits>>;
  readonly nodes: Readonly<Record<string, OpLimits>>;
}

/** What several requests may take together. */
export interface ShareLimits {
  /** Requests that wait or run. */
  readonly maxConcurrent?: number;
  /** Predicted memory of the requests that wait or run, in MiB. */
  readonly maxMemoryMiB?: number;
  /** Predicted floating-point operations in a second, over time. */
  readonly costPerSecond?: number;
  /** What may be asked for at once after a pause; default ten seconds' worth. Only with `costPerSecond`. */
  readonly costBurst?: number;
}

/** What the runs of one operation or node may take within one request. At least one of the two is there. */
export interface OpLimits {
  readonly maxMs?: number;
  readonly maxMiB?: number;
}

/** How many processes answer for one version of a model. */
export interface WorkersConfig {
  /** Started with the version and kept. Default 1. */
  readonly min: number;
  /** Started while requests wait, and ended again when they are idle. Default as `min`. */
  readonly max: number;
  /** A version that nobody asked for this long is put to sleep: its workers end, and the next request starts them again. Default never. */
  readonly sleepAfterMs?: number;
}

/** Requests that run together; docs/batching.md. */
export interface BatchingConfig {
  /** Rows of one batch. Default 32. */
  readonly maxRows: number;
  /** How long a request waits for others at most. Default 2. */
  readonly maxDelayMs: number;
}

/** Bounds within which the number of requests at one time follows the measured latency; docs/concurrency.md. */
export interface ConcurrencyConfig {
  /** Default 1. */
  readonly min: number;
  /** Default 64. */
  readonly max: number;
}

/** What the server says about itself to others. */
export interface TelemetryConfig {
  /** Default none: no traces are made. */
  readonly traces?: TracesConfig;
  /** Whether `/airlock/v1/metrics` also has the names that TensorFlow Serving's metrics have. Default true. */
  readonly servingMetrics: boolean;
}

export interface TracesConfig {
  /** Where OTLP over HTTP is taken, for example `http://127.0.0.1:4318/v1/traces`. */
  readonly endpoint: string;
  /** Of all requests; default 1. Clients may ask for a few more (docs/metrics.md). */
  readonly samplePercent: number;
}
