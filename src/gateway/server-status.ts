// What an operator asks a running server: what holds its workers, as the kernel confirmed it for each of them, and how they fare. It
// names models and versions, and never a path, an address, a process id or anything of a request.
import type { JailFindings } from '../sandbox/index.ts';
import type { ModelCatalog, ModelVersion } from '../serving/index.ts';

/** The document of GET /airlock/v1/status; docs/status.md explains it. */
export function serverStatusJson({ level, layers, surroundings }: JailFindings, catalog: ModelCatalog): string {
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
      versions: model.status({}).map(versionStatus),
      refused: Array.from(model.refused, ([version, { code, message }]) => ({ version: String(version), error: code, message })),
    })),
  });
}

function versionStatus({ version, state, error, admitted, workerReport, contract }: ModelVersion): object {
  return {
    version: String(version),
    state,
    error: error?.code,
    // Null says that nobody has to have signed it.
    provenance: admitted?.provenance ?? null,
    contract: contract?.report,
    worker: workerReport,
  };
}
