// The layers that a process can be started in, one by one, and the level that a set of them amounts to. Sets other than those of the
// levels exist for two purposes: finding out which layer a machine lacks, and showing in tests what each layer is good for.
import type { JailLevel } from './jail.ts';

/**
 * Layers that are tried; cgroups are found by `openCgroups`. The launcher sets resource limits and no_new_privs whenever it is used;
 * with `limits` in a set they are demanded too.
 */
export type TriedLayer = 'namespaces' | 'landlock' | 'user' | 'limits' | 'seccomp';

export type LayerSet = ReadonlySet<TriedLayer>;

/** In the order in which they are given up when they do not work together: what costs most to lose comes last. */
export const triedLayers: readonly TriedLayer[] = ['namespaces', 'landlock', 'user', 'limits', 'seccomp'];

/** What `level` cannot be without. `user` is a layer of every server that is not root, without anything being done. */
export function layersOf(level: JailLevel): LayerSet {
  if (level === 'full') return new Set(triedLayers);
  if (level === 'process') return new Set<TriedLayer>(['landlock', 'user', 'limits', 'seccomp']);
  return new Set<TriedLayer>(level === 'seccomp-only' ? ['limits', 'seccomp'] : []);
}

/** The strongest level whose layers are all in `layers`. */
export function levelOf(layers: LayerSet): JailLevel {
  if (!layers.has('seccomp') || !layers.has('limits')) return 'none';
  if (!layers.has('landlock') || !layers.has('user')) return 'seccomp-only';
  return layers.has('namespaces') ? 'full' : 'process';
}
