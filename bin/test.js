// `npm test`: prepares what is missing, runs every test, names each one that was skipped, passed only when it was tried again
// (`--retry`) or failed, and ends with one line of totals. What failed comes last: a log is often kept by its last lines only.
// A run in which nothing was executed is a failure: a guard that passes on nothing is worse than none.
import fs from 'node:fs';
import path from 'node:path';
import { prepare } from './prepare.js';
import { makeStateFolder, root, runCommand, runProgram, stateFolder } from './run-step.js';
import { prepareSigningPython, prepareTensorFlowPython, prepareTestPython } from './test-python.js';

const resultsFile = path.join(stateFolder, 'test-results.json');
/** What the tests of the jail need besides the preparation, and what is not covered without. */
const jailPrograms = {
  bwrap: 'The jail at level full (namespaces)',
  strace: 'That each rule of the jail is needed',
};

await runCommand(async () => {
  await prepare();
  makeStateFolder();
  const reason = prepareTestPython();
  if (reason !== undefined) process.stdout.write(`The tests with a Python client will be skipped: ${reason}.\n`);
  const lacking = prepareTensorFlowPython();
  if (lacking !== undefined) process.stdout.write(`The tests with TensorFlow in Python will be skipped: ${lacking}.\n`);
  const unsigned = prepareSigningPython();
  if (unsigned !== undefined) process.stdout.write(`The tests with the real model-signing will be skipped: ${unsigned}.\n`);
  for (const [program, what] of Object.entries(jailPrograms)) {
    if (!isInPath(program)) process.stdout.write(`${what} will not be tested: ${program} is not installed.\n`);
  }
  fs.rmSync(resultsFile, { force: true });
  const vitest = path.join(root, 'node_modules', 'vitest', 'vitest.mjs');
  const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${resultsFile}`];
  const args = [vitest, 'run', ...reporters, ...process.argv.slice(2)];
  const code = await runProgram(process.execPath, args, { stdio: ['ignore', 'inherit', 'inherit'] });
  return report(code);
});

function isInPath(program) {
  const folders = (process.env.PATH ?? '').split(path.delimiter);
  return folders.some((folder) => folder !== '' && fs.existsSync(path.join(folder, program)));
}

function firstLine(message) {
  return (message ?? '').trim().split('\n')[0].slice(0, 300);
}

/** Prints what was skipped, flaky or failed and the totals, and returns the exit code. */
function report(code) {
  if (!fs.existsSync(resultsFile)) {
    process.stdout.write('The tests ended without a result.\n0 passed, 0 failed, 0 skipped\n');
    return code || 1;
  }
  const files = JSON.parse(fs.readFileSync(resultsFile, 'utf8')).testResults;
  const tests = files.flatMap((file) => file.assertionResults.map((test) => ({ ...test, file: path.relative(root, file.name) })));
  const passed = tests.filter((test) => test.status === 'passed').length;
  const skipped = tests.filter((test) => test.status !== 'passed' && test.status !== 'failed');
  // A file that cannot be loaded has no tests in the list; it counts as one that failed.
  const unloaded = files.filter(
    (file) => file.status === 'failed' && file.assertionResults.every((test) => test.status !== 'failed'),
  );
  const failed = tests.filter((test) => test.status === 'failed').length + unloaded.length;
  for (const test of skipped) process.stdout.write(`skipped: ${test.file}: ${test.fullName}\n`);
  for (const test of tests.filter((test) => test.status === 'passed' && test.failureMessages?.length > 0))
    process.stdout.write(`flaky: ${test.file}: ${test.fullName}: ${firstLine(test.failureMessages[0])}\n`);
  for (const test of tests.filter((test) => test.status === 'failed'))
    process.stdout.write(`failed: ${test.file}: ${test.fullName}: ${firstLine(test.failureMessages?.[0])}\n`);
  for (const file of unloaded) process.stdout.write(`failed: ${path.relative(root, file.name)}: ${firstLine(file.message)}\n`);
  if (passed + failed === 0) process.stdout.write('No test was executed, which counts as a failure.\n');
  if (code !== 0 && failed === 0)
    process.stdout.write(`The test runner failed with code ${code} although no test did; its own words are above.\n`);
  process.stdout.write(`${passed} passed, ${failed} failed, ${skipped.length} skipped\n`);
  return code || (passed + failed === 0 || failed > 0 ? 1 : 0);
}
