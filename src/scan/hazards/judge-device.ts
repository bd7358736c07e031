// The device that a node asks for. A device of another job or task makes the runtime send tensors there, or refuse to load at all.
import type { Body } from '../graph/index.ts';
import { triggers } from '../scan-types.ts';
import type { Case } from './hazard-types.ts';
import { named, reportHazard, triggersAt } from './report-hazard.ts';

// What graphs of TensorFlow 1 were trained with; a server without such a cluster places them on its own devices.
const trainingJobs: ReadonlySet<string> = new Set(['ps', 'worker', 'chief', 'master', 'evaluator', 'tpu_worker', 'coordinator']);

const maxDevices = 50;

function part(device: string, name: string): string | undefined {
  const found = device
    .slice(0, 1024)
    .split('/')
    .find((piece) => piece.startsWith(`${name}:`));
  return found?.slice(name.length + 1);
}

/** True when the device is not one of the process itself. */
export function isForeignDevice(device: string): boolean {
  if (device === '') return false;
  const job = part(device, 'job');
  if (job !== undefined && job !== 'localhost' && job !== '*') return true;
  const task = part(device, 'task');
  const replica = part(device, 'replica');
  return [task, replica].some((number) => number !== undefined && number !== '0' && number !== '*');
}

/** Foreign devices of a graph, each at the node that the worst trigger reaches. */
export class ForeignDevices {
  readonly #found = new Map<string, { readonly body: Body; readonly node: number; readonly rank: number }>();

  look(c: Case, body: Body, node: number): void {
    const device = body.device(node);
    if (device === '' || !isForeignDevice(device)) return;
    const [trigger] = triggersAt(c, body, node);
    const rank = trigger === undefined ? triggers.length : triggers.indexOf(trigger);
    const known = this.#found.get(device);
    if ((known === undefined && this.#found.size < maxDevices) || (known !== undefined && rank < known.rank)) {
      this.#found.set(device, { body, node, rank });
    }
  }

  report(c: Case): void {
    for (const [device, { body, node }] of this.#found) {
      const isTraining = trainingJobs.has(part(device, 'job') ?? '');
      reportHazard(c, body, node, {
        ruleId: 'network/device',
        severity: isTraining && c.program.kind !== 'saved-model' ? 'low' : isTraining ? 'medium' : 'high',
        message: `${named(body, node)} asks for the device ${device}, which is another process or machine,`,
        argument: { name: 'device', value: device, origin: 'remote' },
      });
    }
  }
}
