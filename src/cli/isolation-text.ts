// How people read what holds the workers. It says what was found to work, never what was asked for.
import type { JailFindings, LayerName } from '../sandbox/index.ts';

const layerNames: Readonly<Record<LayerName, string>> = {
  namespaces: 'namespaces',
  landlock: 'Landlock',
  seccomp: 'seccomp',
  limits: 'limits',
  user: 'no privileges',
  'cgroup-memory': 'memory cgroup',
  'cgroup-cpu': 'cpu cgroup',
  'cgroup-tasks': 'task cgroup',
};

/** `full (namespaces, Landlock, seccomp, limits)`, and where the server itself is contained. */
export function isolationText({ level, layers, surroundings }: JailFindings): string {
  const around = surroundings.length === 0 ? '' : `, inside ${surroundings.join(', ')}`;
  if (level === 'none') return `none: a worker is a program like any other, with an empty environment${around}`;
  const working = layers.filter(({ works }) => works).map(({ layer }) => layerNames[layer]);
  return `${level} (${working.join(', ')})${around}`;
}
