// The layers that a process can be started in, one by one, and the level that a set of them amounts to. Sets other than those of the
// levels exist for two purposes: finding out which layer a machine lacks, and showing in tests what each layer is good for.
import type { JailLevel } from './jail.ts';

/** Layers that are tried. Resource limits and no_new_privs come with any of them; cgroups are found by `openCgroups`. */
export type TriedLayer = 'namespaces' | 'landlock' | 'seccomp' | 'user';

export type LayerSet = ReadonlySet<TriedLayer>;

/** In the order in which they are given up when they do not work together: what costs most to lose comes last. */
export const triedLayers: readonly TriedLayer[] = ['namespaces', 'landlock', 'user', 'seccomp'];

/** What `level` cannot be without. `user` is a layer of every server that is not root, without anything being done. */
export function layersOf(level: JailLevel): LayerSet {
  if (level === 'full') return new Set(triedLayers);
  if (level === 'process') return new Set<TriedLayer>(['landlock', 'user', 'seccomp']);
  return new Set<TriedLayer>(level === 'seccomp-only' ? ['seccomp'] : []);
}

/** The strongest level whose layers are all in `layers`. */
export function levelOf(layers: LayerSet): JailLevel {
  if (!layers.has('seccomp')) return 'none';
  if (!layers.has('landlock') || !layers.has('user')) return 'seccomp-only';
  return layers.has('namespaces') ? 'full' : 'process';
}
