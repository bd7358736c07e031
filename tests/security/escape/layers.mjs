// Starts processes in any set of layers, which the product does not offer: to see what each layer is good for, alone and by its absence.
// It uses the code of src/sandbox that makes the command line, and changes nothing in there.
import { findBubblewrap } from '../../../dist/sandbox/bubblewrap.js';
import { startProcess } from '../../../dist/sandbox/jailed-process.js';
import { packageFiles, systemFiles } from '../../../dist/sandbox/needed-files.js';
import { startCommand } from '../../../dist/sandbox/start-command.js';
import { UserPool } from '../../../dist/sandbox/users.js';

/** The layers of the matrix: what they are called in tables. */
export const layerNames = {
  namespaces: 'namespaces',
  landlock: 'Landlock',
  loading: 'loading filter',
  serving: 'serving filter',
  user: 'other user',
  limits: 'limits and descriptors',
};

export const isRoot = process.getuid() === 0;
const bubblewrap = findBubblewrap();
const lacking = new Set([...(isRoot ? [] : ['user']), ...(bubblewrap === undefined ? ['namespaces'] : [])]);
export const availableLayers = Object.keys(layerNames).filter((layer) => !lacking.has(layer));

const users = new UserPool();
/** More than any attack takes. A limit must be given, and Number has no unlimited. */
const noLimit = 2 ** 52;

/** Something that starts processes as a jail does, in exactly these layers. The serving filter is the process's own affair. */
export function jailOf(layers) {
  // Without any of them there is no launcher, and then descriptors leak.
  const needsLauncher = [...layers].some((layer) => layer !== 'serving');
  return {
    start(options) {
      const files = [...systemFiles(), ...packageFiles(), ...options.readable.map((path) => ({ path, access: 'folder' }))];
      const userId = layers.has('user') ? users.take() : undefined;
      const settings = {
        // `user` stands for the launcher alone; which user it is, is said below.
        layers: new Set(needsLauncher ? ['user', ...['namespaces', 'landlock'].filter((layer) => layers.has(layer))] : []),
        bubblewrap,
        files,
        pathOf: (file) => file,
        hasOwnUser: layers.has('user') && layers.has('limits'),
      };
      const command = startCommand(settings, options);
      const started = startProcess({
        command: needsLauncher ? { ...command, args: withPlan(command.args, layers) } : command,
        isBubblewrap: layers.has('namespaces'),
        userId,
        group: undefined,
        inheritedFilters: 0,
        onLog: options.onLog,
      });
      if (userId !== undefined) void started.exited.then(() => users.giveBack(userId));
      return started;
    },
  };
}

/** The launcher's plan is its last argument. */
function withPlan(args, layers) {
  const plan = JSON.parse(args.at(-1));
  const limits = layers.has('limits') ? plan.limits : { core: noLimit, fileSize: noLimit, openFiles: 20_000, data: noLimit };
  return [...args.slice(0, -1), JSON.stringify({ ...plan, limits, seccomp: layers.has('loading') })];
}
