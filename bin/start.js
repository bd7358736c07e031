// `npm start`: prepares what is missing, then serves the digits example in the foreground until Ctrl-C.
// The server runs in this process: one more process in between would only have to pass signals on.
import { prepare } from './prepare.js';
import { importBuilt, root, runCommand } from './run-step.js';

await runCommand(async () => {
  await prepare();
  process.chdir(root);
  const { main } = await importBuilt('cli/main.js');
  return main(['serve', 'examples/digits', '--key', 'examples/release.pub', ...process.argv.slice(2)]);
});
