// A server in miniature: opens a jail as it is told, starts one process in it, and says what holds that. Prints one line of JSON.
import { openJail } from '../../../dist/sandbox/index.js';

const entry = new URL('../../../dist/sandbox/probe-main.js', import.meta.url).pathname;

try {
  const jail = await openJail({ cgroups: false, ...JSON.parse(process.argv[2]) });
  const limits = { memoryBytes: 2 ** 28, maxTasks: 100 };
  const started = jail.start({ entry, readable: [entry], limits, onLog: ({ text }) => console.error(text) });
  const listing = await new Promise((resolve) => started.socket.once('data', (chunk) => resolve(String(chunk).trim())));
  const attestation = await started.attest();
  const missing = jail.missing(attestation, 1);
  started.kill();
  const { signal } = await started.exited;
  await jail.close();
  console.log(JSON.stringify({ level: jail.level, listing, missing, signal, ...attestation }));
} catch (error) {
  console.log(JSON.stringify({ code: error.code, detail: error.detail ?? String(error) }));
}
