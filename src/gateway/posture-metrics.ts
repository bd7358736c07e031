// The posture of what serves in numbers: as metrics, and as part of the status. Neither names a path, and the metrics no model.
import { severities } from '../core/index.ts';
import { nodeState, type OpenAdvisory, type Posture, reaches, type SlotPosture, servingSlots } from '../posture/index.ts';
import type { MetricFamily, Sample } from '../telemetry/index.ts';

interface Metric {
  readonly name: string;
  readonly help: string;
  /** None where there is nothing to say: no deadline is not a deadline of 0 days. */
  readonly samples: (slot: SlotPosture, posture: Posture) => readonly Sample[];
}

const metrics: readonly Metric[] = [
  {
    name: 'airlock_runtime_info',
    help: 'The TensorFlow that serves.',
    samples: ({ version, support }) => [[{ tensorflow: version, support: support.state }, 1]],
  },
  {
    name: 'airlock_runtime_open_advisories',
    help: 'Published vulnerabilities of the TensorFlow that serves, by severity and by whether a model reaches them.',
    samples: ({ counts }) =>
      reaches.flatMap((reach) => severities.map((severity): Sample => [{ severity, reach }, counts[reach][severity]])),
  },
  {
    name: 'airlock_runtime_overdue',
    help: '1 when the deadline for replacing the TensorFlow that serves has passed.',
    samples: ({ isOverdue }) => [[{}, Number(isOverdue)]],
  },
  {
    name: 'airlock_runtime_days_left',
    help: 'Whole days until the nearest deadline, below 0 once it has passed. Absent without a deadline.',
    samples: ({ daysLeft }) => numbers(daysLeft),
  },
  {
    name: 'airlock_runtime_age_days',
    help: 'Days since the TensorFlow that serves was released.',
    samples: ({ ageDays }) => numbers(ageDays),
  },
  {
    name: 'airlock_runtime_supported',
    help: '1 for the newest and the second newest minor, 0 for anything older and for what is not known.',
    samples: ({ support }) => [[{}, Number(support.state === 'newest' || support.state === 'previous')]],
  },
  {
    name: 'airlock_advisory_data_age_days',
    help: 'Days since the advisory data was read from its sources.',
    samples: (_slot, { advisoryData }) => [[{}, advisoryData.ageDays]],
  },
  {
    name: 'airlock_advisory_data_old',
    help: '1 when the advisory data is older than runtime.maxAdvisoryAgeMs.',
    samples: (_slot, { advisoryData }) => [[{}, Number(advisoryData.isOld)]],
  },
  {
    name: 'airlock_node_days_left',
    help: 'Whole days until the line of Node.js gets no fixes any more, below 0 afterwards. Absent for a line that is not known.',
    samples: (_slot, { madeAt }) => numbers(nodeState(process.version, Date.parse(madeAt)).daysLeft),
  },
];

function numbers(value: number | undefined): readonly Sample[] {
  return value === undefined ? [] : [[{}, value]];
}

/** Empty while no posture is known. */
export function postureMetrics(posture: Posture | undefined): MetricFamily[] {
  const slot = posture && servingSlots(posture).at(0);
  if (posture === undefined || slot === undefined) return [];
  return metrics.map((metric) => ({ ...metric, samples: metric.samples(slot, posture) }));
}

/** Advisories in the status; `airlock runtime check --format json` has all. */
const maxDue = 20;

/** `runtime.posture` of the status; docs/status.md explains it. */
export function postureStatus(posture: Posture): object {
  const { advisoryData, madeAt } = posture;
  const [slot] = servingSlots(posture);
  const { version, published, ageDays, support, counts, deadline, daysLeft, isOverdue, updates, isYanked } = slot;
  const { read, ageDays: dataAgeDays, isOld, source } = advisoryData;
  return {
    tensorflow: version,
    published: published ?? null,
    ageDays: ageDays ?? null,
    support,
    withdrawn: isYanked,
    counts,
    deadline: deadline ?? null,
    daysLeft: daysLeft ?? null,
    overdue: isOverdue,
    open: slot.advisories
      .filter(({ reach }) => reach !== 'unreachable')
      .slice(0, maxDue)
      .map(openStatus),
    updates,
    advisoryData: { read, ageDays: dataAgeDays, old: isOld, source },
    node: nodeState(process.version, Date.parse(madeAt)),
    madeAt,
  };
}

function openStatus({ id, cve, severity, reach, deadline, daysLeft, isOverdue, fix, models }: OpenAdvisory): object {
  return {
    id: cve ?? id,
    severity,
    reach,
    models: models.slice(0, maxDue),
    fix: fix ?? null,
    deadline: deadline ?? null,
    daysLeft: daysLeft ?? null,
    overdue: isOverdue,
  };
}
