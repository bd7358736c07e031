// How people read what holds the workers. It says what was found to work, never what was asked for.
import type { Isolation } from '../serving/index.ts';

type Layer = Isolation['layers'][number];

const layerNames: Readonly<Record<Layer['layer'], string>> = {
  namespaces: 'namespaces',
  landlock: 'Landlock',
  seccomp: 'seccomp',
  limits: 'limits',
  user: 'no privileges',
  'cgroup-memory': 'memory cgroup',
  'cgroup-cpu': 'cpu cgroup',
  'cgroup-tasks': 'task cgroup',
};

export function layerName({ layer }: Layer): string {
  return layerNames[layer];
}

/** `full (namespaces, Landlock, seccomp, limits)`, and where the server itself is contained. */
export function isolationText({ level, layers, surroundings }: Isolation): string {
  const around = surroundings.length === 0 ? '' : `, inside ${surroundings.join(', ')}`;
  if (level === 'none') return `none: a worker is a program like any other, with an empty environment${around}`;
  return `${level} (${layers
    .filter(({ works }) => works)
    .map(layerName)
    .join(', ')})${around}`;
}
