// What an operator asks a running server: what holds its workers, as the kernel confirmed it for each of them, and how they fare. It
// names models and versions, and never a path, an address, a process id or anything of a request.

import type { AuditHead } from '../audit/index.ts';
import type { Posture } from '../posture/index.ts';
import type { RecorderReport } from '../recording/index.ts';
import type { JailFindings } from '../sandbox/index.ts';
import type { ModelCatalog, ModelVersion, ScannedVersion } from '../serving/index.ts';
import { postureStatus } from './posture-metrics.ts';
import type { RolloutState } from './rollout-watch.ts';
import type { SlotState } from './runtime-watch.ts';
import { scanSummary } from './scan-summary.ts';

/** What a server knows of scans when it is asked. */
export interface ScanState {
  readonly scanned: readonly ScannedVersion[];
  readonly auditHead: AuditHead;
}

/** The document of GET /airlock/v1/status; docs/status.md explains it. */
export function serverStatusJson(
  { level, layers, surroundings }: JailFindings,
  catalog: ModelCatalog,
  { scanned, auditHead }: ScanState,
  recording?: RecorderReport,
  rollout?: RolloutState,
  posture?: Posture,
  installed?: readonly SlotState[],
): string {
  return JSON.stringify({
    isolation: {
      level,
      // Why a layer does not work may name a path.
      layers: layers.map(({ layer, works, detail }) => ({ layer, works, ...(works ? { detail } : {}) })),
      surroundings,
    },
    models: catalog.models.map((model) => ({
      name: model.name,
      ready: model.ready,
      versions: model
        .status({})
        .map((version) => ({ ...versionStatus(version), scan: scanOf(scanned, model.name, version.version) })),
      refused: Array.from(model.refused, ([version, { code, message }]) => ({
        version: String(version),
        error: code,
        message,
        scan: scanOf(scanned, model.name, version),
      })),
    })),
    auditLog: auditHead,
    runtime: rollout && {
      ...runtimeStatus(rollout),
      posture: posture === undefined ? null : postureStatus(posture),
      slots: installed ?? [],
    },
    // Null says that the configuration lets nothing be recorded.
    recording: recording ?? null,
  });
}

/** Null says that nothing is under way, or that nothing ever was. */
function runtimeStatus({ running, last, kept, ...rest }: RolloutState): object {
  // May name a path.
  const { detail: _detail, ...lastRollout } = last ?? {};
  return { ...rest, kept: kept ?? null, rollout: running ?? null, lastRollout: last === undefined ? null : lastRollout };
}

/** Null says that it was not scanned. */
function scanOf(scanned: readonly ScannedVersion[], model: string, version: bigint): object | null {
  const found = scanned.find((one) => one.model === model && one.version === version);
  return found === undefined ? null : scanSummary(found);
}

function versionStatus({
  version,
  state,
  error,
  admitted,
  workerReport,
  workerReports,
  contract,
  tensorflow,
  keptTensorflow,
}: ModelVersion): object {
  return {
    version: String(version),
    state,
    error: error?.code,
    // Null says that nobody has to have signed it.
    provenance: admitted?.provenance ?? null,
    contract: contract?.report,
    tensorflow,
    // The TensorFlow whose worker waits beside it to be gone back to.
    keptTensorflow,
    worker: workerReport,
    // Only where there may be several.
    workers: workerReports,
  };
}
