// Scans artefacts one after the other in this one process and prints a line for each: quicker than a process each, and without their deadline and
// limit of memory. For looking at misses; what is published is measured through the command.
import { createInterface } from 'node:readline';
import { scanInProcess } from '../../../dist/scan/engine/index.js';

for await (const line of createInterface({ input: process.stdin })) {
  const startedMs = performance.now();
  let result;
  try {
    const { findings, unreadable } = await scanInProcess({ path: line, tensorflow: '2.21.0' });
    result = { findings, unreadable };
  } catch (error) {
    result = { findings: [], unreadable: [{ file: '', reason: String(error) }] };
  }
  process.stdout.write(`${JSON.stringify({ ...result, ms: performance.now() - startedMs })}\n`);
}
