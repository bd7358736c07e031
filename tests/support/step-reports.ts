// Reports of the steps before a worker, made up, with another number in each place: for tests of what is said about them.
import type { StepReports } from '../../src/gateway/index.ts';
import { Histogram } from '../../src/telemetry/index.ts';

export function stepReports(model: string, version: bigint): StepReports {
  const ratios = new Histogram([0.5, 1, 2]);
  ratios.observe(0.75);
  return {
    model,
    version,
    scheduler: {
      waiting: 3,
      waitingClients: 2,
      inFlight: 1,
      waits: { count: 20, totalMs: 40 },
      batchRows: { counts: [1, 0, 4, 0, 0, 0, 0, 1, 0], total: 150 },
      splits: 7,
      poisoned: { found: 8, refused: 9 },
      refused: { overloaded: 4, unreachable: 5 },
      expired: 6,
    },
    concurrency: { limit: 10, min: 1, max: 64, underWay: 8, refused: 11, adjustments: 12, latencyMs: 12.5, clients: 3 },
    shares: { underWay: 4, bytes: 4_096, clients: 2, refused: { tooLarge: 1, perClient: 2, perModel: 3, rate: 4 } },
    cost: {
      refused: { maxCost: 2, maxRequestMemoryMiB: 3, memoryMiB: 4, ops: 5, nodes: 6, unknownCost: 7 },
      rates: undefined,
      observed: 5,
      errorFactor: 1.5,
      ratios,
    },
    profile: { tracedRuns: 13, peakBytes: 65_536, ops: [{ op: 'MatMul', share: 1, seconds: 0.5 }], overLimit: 1 },
  };
}
