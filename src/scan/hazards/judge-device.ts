// The device that a node asks for. A device of another job or task makes the runtime send tensors there, or refuse to load at all.
import type { Body } from '../graph/index.ts';
import type { Case } from './hazard-types.ts';
import { named, reportHazard, triggersAt } from './report-hazard.ts';

// What graphs of TensorFlow 1 were trained with; a server without such a cluster places them on its own devices.
const trainingJobs: ReadonlySet<string> = new Set(['ps', 'worker', 'chief', 'master', 'evaluator', 'tpu_worker', 'coordinator']);

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

/** Reports each foreign device of a body once, at the first node that a root reaches. `seen` holds those that were reported. */
export function judgeDevice(c: Case, body: Body, node: number, seen: Set<string>): void {
  const device = body.device(node);
  if (device === '' || seen.has(device) || !isForeignDevice(device)) return;
  if (triggersAt(c, body, node).length === 0) return;
  seen.add(device);
  const isTraining = trainingJobs.has(part(device, 'job') ?? '');
  reportHazard(c, body, node, {
    ruleId: 'network/device',
    severity: isTraining && c.program.kind !== 'saved-model' ? 'low' : isTraining ? 'medium' : 'high',
    message: `${named(body, node)} asks for the device ${device}, which is another process or machine,`,
    argument: { name: 'device', value: device, origin: 'remote' },
  });
}
