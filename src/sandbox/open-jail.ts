// Opens the jail of a server: finds what this machine has, decides whether that is enough, and says what is missing when it is not.
// Refuses below what is required; nothing but an unsafe level that was asked for by name opens less.
import type { SandboxConfig } from '../config/index.ts';
import { AirlockError } from '../core/index.ts';
import { findBubblewrap } from './bubblewrap.ts';
import { openCgroups } from './cgroups.ts';
import { type Jail, type JailFindings, type JailLevel, type LayerReport, reaches } from './jail.ts';
import { JailParts, LayeredJail } from './layered-jail.ts';
import { type LayerSet, layersOf, levelOf, type TriedLayer, triedLayers } from './layers.ts';
import { removeStaleStages } from './stage-folder.ts';
import { findSurroundings } from './surroundings.ts';
import { findLayers, hiddenProcess, type LayerFindings } from './try-layers.ts';

interface JailSettings {
  /** Files that every process needs, for example TensorFlow's libraries. Default none. */
  readonly readable?: readonly string[];
  /** The bubblewrap program; default `bwrap` in PATH. A file that is not there turns namespaces off. */
  readonly bubblewrap?: string;
  /** Whether control groups are used where they are delegated. Default true. */
  readonly cgroups?: boolean;
}

/**
 * With `require` the best level of this machine is opened, and must not be below that. With `unsafeLevel` exactly that is opened, also
 * where more would be possible.
 */
export type OpenJailOptions = SandboxConfig & JailSettings;

/**
 * Opens a jail, in about 0.2 s. One per server; its processes must be gone when it is closed.
 * @throws ENVIRONMENT_LACKING when the level is below what is required, with the missing layers and what would help; when this
 * package is not built; and when the folder for temporary files does not take what a server that is root must put there.
 */
export async function openJail(options: OpenJailOptions): Promise<Jail> {
  if (!('require' in options) && options.unsafeLevel === 'none') {
    const layers = reports({ working: new Set(), failures: new Map() }, 'turned off');
    return new LayeredJail(new Set(), new JailParts(undefined, undefined, []), layers, findSurroundings());
  }
  const { jail, findings } = await build(options, 'require' in options ? everything : withoutLandlock);
  const isEnough = 'require' in options ? reaches(jail.level, options.require) : jail.level === options.unsafeLevel;
  if (isEnough) return jail;
  await jail.close();
  const wanted = 'require' in options ? options.require : options.unsafeLevel;
  throw new AirlockError('ENVIRONMENT_LACKING', { detail: refusal(wanted, jail.level, findings) });
}

/**
 * A jail with every layer that this kind of machine has, none of them tried, so that nothing is waited for: for a caller who finds out by the process
 * that it starts, and opens another jail when that does not come to life. A layer that does not work ends the launcher; none is left out in silence.
 */
export function assumeJail(): Jail {
  const found = findBubblewrap(undefined);
  const layers = new Set(triedLayers);
  if (found === undefined) layers.delete('namespaces');
  return new LayeredJail(layers, new JailParts(found, undefined, []));
}

/** What `openJail` would find, for a report. @throws ENVIRONMENT_LACKING when this package is not built. */
export async function examineJail(options: Omit<JailSettings, 'readable'> = {}): Promise<JailFindings> {
  const { jail } = await build(options, everything);
  await jail.close();
  return { level: jail.level, layers: jail.layers, surroundings: jail.surroundings };
}

interface Built {
  readonly jail: Jail;
  readonly findings: LayerFindings;
}

/** @param choose Which of the layers that work are used. */
async function build(
  { readable = [], bubblewrap, cgroups = true }: JailSettings,
  choose: (working: LayerSet) => LayerSet,
): Promise<Built> {
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
    parts.stageFiles();
    const { working, failures } = await findLayers(wanted, (layers) => new LayeredJail(layers, parts));
    const used = choose(working);
    const findings = { working: used, failures: new Map([...absent, ...failures]) };
    const layers = [...reports(findings, 'not used at this level'), ...(groups?.layers ?? [])];
    return { jail: new LayeredJail(used, parts, layers, findSurroundings()), findings };
  } catch (thrown) {
    parts.stage.remove();
    throw thrown;
  }
}

function everything(working: LayerSet): LayerSet {
  return working;
}

/** Everything else does not make it more than seccomp-only. */
function withoutLandlock(working: LayerSet): LayerSet {
  return reaches(levelOf(working), 'process') ? new Set([...working].filter((layer) => layer !== 'landlock')) : working;
}

const helps: Readonly<Record<TriedLayer, string>> = {
  namespaces: 'install bubblewrap and permit user namespaces to it',
  landlock: 'needs Linux 5.13 or newer with landlock in its list of security modules (lsm=)',
  seccomp: 'needs a kernel with seccomp filters, and a container that permits seccomp(2)',
  user: 'start the server as an unprivileged user, or give it CAP_SETUID, CAP_SETGID and CAP_KILL',
  limits: 'the hard limits of the server itself must not be below those of its processes (ulimit -H)',
};

function withHelp(layer: TriedLayer, failure: string): string {
  const help = failure === hiddenProcess ? 'mount /proc without hidepid, or use namespaces' : helps[layer];
  return `${failure}; ${help}`;
}

const descriptions: Readonly<Record<TriedLayer, string>> = {
  namespaces: 'user, mount, pid, ipc, net and uts, by bubblewrap',
  landlock: 'only the files that are needed can be opened',
  seccomp: 'system calls are filtered',
  user:
    process.getuid?.() === 0
      ? 'each process is a user of its own, without privileges'
      : 'the user of the server, without privileges',
  limits: 'memory, files, tasks, no core dumps',
};

function reports({ working, failures }: LayerFindings, unused: string): LayerReport[] {
  return (['namespaces', 'landlock', 'seccomp', 'user', 'limits'] as const).map((layer): LayerReport => {
    if (working.has(layer)) return { layer, works: true, detail: descriptions[layer] };
    const failure = failures.get(layer);
    return { layer, works: false, detail: failure === undefined ? unused : withHelp(layer, failure) };
  });
}

function refusal(wanted: JailLevel, found: JailLevel, { failures }: LayerFindings): string {
  const reasons = [...layersOf(wanted)].flatMap((layer) => {
    const failure = failures.get(layer);
    return failure === undefined ? [] : [`${layer}: ${withHelp(layer, failure)}`];
  });
  return `isolation level ${wanted} is required and this machine has ${found}: ${reasons.join('. ')}`;
}
