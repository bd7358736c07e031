// Opens the jail of a server: finds what this machine has, decides whether that is enough, and says what is missing when it is not.
// Refuses below what is required; nothing but an unsafe level that was asked for by name opens less.
import { AirlockError } from '../core/index.ts';
import { findBubblewrap } from './bubblewrap.ts';
import { openCgroups } from './cgroups.ts';
import { type Jail, type JailLevel, jailLevels, type LayerReport } from './jail.ts';
import { JailParts, LayeredJail } from './layered-jail.ts';
import { type LayerSet, layersOf, levelOf, type TriedLayer, triedLayers } from './layers.ts';
import { removeStaleStages } from './stage.ts';
import { findSurroundings } from './surroundings.ts';
import { findLayers, type LayerFindings } from './try-layers.ts';

export interface OpenJailOptions {
  /** The best level of this machine is used, and must not be below this. */
  readonly required: 'full' | 'process';
  /** Opens exactly this instead, also where more would be possible; `seccomp-only` keeps what does not make it more than that. */
  readonly unsafeLevel?: 'seccomp-only' | 'none';
  /** Files that every process needs, for example TensorFlow's libraries. Default none. */
  readonly readable?: readonly string[];
  /** The bubblewrap program; default `bwrap` in PATH. A file that is not there turns namespaces off. */
  readonly bubblewrap?: string;
  /** Whether control groups are used where they are delegated. Default true. */
  readonly cgroups?: boolean;
}

/** What a machine has for a jail. */
export interface JailFindings {
  /** The best level that a jail of this server would have. */
  readonly level: JailLevel;
  readonly layers: readonly LayerReport[];
  readonly surroundings: readonly string[];
}

/**
 * Opens a jail, in about 0.2 s. One per server; its processes must be gone when it is closed.
 * @throws ENVIRONMENT_LACKING when the level is below what is required, with the missing layers and what would help; also when this
 * package is not built.
 */
export async function openJail(options: OpenJailOptions): Promise<Jail> {
  const { required, unsafeLevel } = options;
  if (unsafeLevel === 'none') {
    const layers = reports({ working: new Set(), failures: new Map() }, 'turned off');
    return new LayeredJail(new Set(), new JailParts(undefined, undefined, []), layers, findSurroundings());
  }
  const { jail, findings } = await build(options);
  const isEnough = unsafeLevel === undefined ? rank(jail.level) <= rank(required) : jail.level === unsafeLevel;
  if (isEnough) return jail;
  await jail.close();
  throw new AirlockError('ENVIRONMENT_LACKING', { detail: refusal(unsafeLevel ?? required, jail.level, findings) });
}

/** What `openJail` would find, for a report. @throws ENVIRONMENT_LACKING when this package is not built. */
export async function examineJail(options: Pick<OpenJailOptions, 'bubblewrap' | 'cgroups'> = {}): Promise<JailFindings> {
  const { jail } = await build({ required: 'process', ...options });
  await jail.close();
  return { level: jail.level, layers: jail.layers, surroundings: jail.surroundings };
}

interface Built {
  readonly jail: Jail;
  readonly findings: LayerFindings;
}

async function build({ unsafeLevel, readable = [], bubblewrap, cgroups = true }: OpenJailOptions): Promise<Built> {
  removeStaleStages();
  const found = findBubblewrap(bubblewrap);
  const groups = cgroups ? openCgroups() : undefined;
  const parts = new JailParts(found, groups, readable);
  const wanted = new Set(triedLayers);
  const absent = new Map<TriedLayer, string>();
  if (found === undefined) {
    wanted.delete('namespaces');
    absent.set('namespaces', 'bubblewrap (bwrap) is not in PATH');
  }
  try {
    const { working, failures } = await findLayers(wanted, (layers) => new LayeredJail(layers, parts));
    const used = unsafeLevel === 'seccomp-only' ? withoutLandlock(working) : working;
    const findings = { working: used, failures: new Map([...absent, ...failures]) };
    const layers = [...reports(findings, 'not used at this level'), ...(groups?.layers ?? [])];
    return { jail: new LayeredJail(used, parts, layers, findSurroundings()), findings };
  } catch (thrown) {
    parts.stage.remove();
    throw thrown;
  }
}

/** As far as that makes a level above seccomp-only one. */
function withoutLandlock(layers: LayerSet): LayerSet {
  return rank(levelOf(layers)) < rank('seccomp-only') ? new Set([...layers].filter((layer) => layer !== 'landlock')) : layers;
}

function rank(level: JailLevel): number {
  return jailLevels.indexOf(level);
}

const helps: Readonly<Record<TriedLayer, string>> = {
  namespaces: 'install bubblewrap and permit user namespaces to it',
  landlock: 'needs Linux 5.13 or newer with landlock in its list of security modules (lsm=)',
  seccomp: 'needs a kernel with seccomp filters, and a container that permits seccomp(2)',
  user: 'start the server as an unprivileged user, or give it CAP_SETUID, CAP_SETGID and CAP_KILL',
};

const descriptions: Readonly<Record<TriedLayer, string>> = {
  namespaces: 'user, mount, pid, ipc, net and uts, by bubblewrap',
  landlock: 'only the files that are needed can be opened',
  seccomp: 'system calls are filtered',
  user:
    process.getuid?.() === 0
      ? 'each process is a user of its own, without privileges'
      : 'the user of the server, without privileges',
};

function reports({ working, failures }: LayerFindings, unused: string): LayerReport[] {
  const tried = (['namespaces', 'landlock', 'seccomp', 'user'] as const).map((layer): LayerReport => {
    if (working.has(layer)) return { layer, works: true, detail: descriptions[layer] };
    const failure = failures.get(layer);
    return { layer, works: false, detail: failure === undefined ? unused : `${failure}; ${helps[layer]}` };
  });
  const limits = working.size > 0;
  return [...tried, { layer: 'limits', works: limits, detail: limits ? 'memory, files, tasks, no core dumps' : unused }];
}

function refusal(wanted: JailLevel, found: JailLevel, { failures }: LayerFindings): string {
  const missing = [...layersOf(wanted)].filter((layer) => failures.has(layer));
  const reasons = missing.map((layer) => `${layer}: ${failures.get(layer)}; ${helps[layer]}`);
  return `isolation level ${wanted} is required and this machine has ${found}: ${reasons.join('. ')}`;
}
