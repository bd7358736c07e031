// The time of a model's nodes as a tree by the scopes in their names: what a flame graph draws. Bounded in depth and in width, whatever a model calls its nodes.
import type { OpStats } from './op-profile.ts';

export interface FlameFrame {
  /** One part of a name between slashes. */
  readonly name: string;
  /** Of the operation, where the frame is a node itself. */
  readonly op: string;
  readonly depth: number;
  /** Where it begins and how wide it is, as shares (0 to 1) of the whole. */
  readonly from: number;
  readonly share: number;
  readonly us: number;
}

const maxDepth = 24;
const maxFrames = 4_000;
/** Narrower than this nobody sees. */
const minShare = 1 / 2_000;

interface Branch {
  readonly name: string;
  readonly children: Map<string, Branch>;
  us: number;
  op: string;
}

const branch = (name: string): Branch => ({ name, children: new Map(), us: 0, op: '' });

/** Frames of all nodes, the widest first among those with the same parent; `us` is the mean of the runs in which a node ran, over all `runs`. */
export function flameFrames(nodes: ReadonlyMap<string, OpStats>, runs: number): readonly FlameFrame[] {
  const root = branch('');
  for (const [name, { op, totalUs }] of nodes) {
    if (totalUs <= 0) continue;
    const parts = name.split('/');
    // What is deeper counts for the scope at the bound.
    if (parts.length > maxDepth) parts.length = maxDepth;
    let at = root;
    at.us += totalUs / Math.max(1, runs);
    for (const part of parts) {
      let next = at.children.get(part);
      if (next === undefined) {
        next = branch(part);
        at.children.set(part, next);
      }
      next.us += totalUs / Math.max(1, runs);
      at = next;
    }
    at.op = op;
  }
  const frames: FlameFrame[] = [];
  const place = (parent: Branch, depth: number, from: number): void => {
    let at = from;
    for (const child of [...parent.children.values()].sort((a, b) => b.us - a.us)) {
      const share = root.us > 0 ? child.us / root.us : 0;
      if (share < minShare || frames.length >= maxFrames) return;
      frames.push({ name: child.name, op: child.op, depth, from: at, share, us: child.us });
      place(child, depth + 1, at);
      at += share;
    }
  };
  place(root, 0, 0);
  return frames;
}
