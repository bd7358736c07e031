#!/usr/bin/env node
// The command line's entry. Everything it does is in src/cli; this file only finds the build.
import fs from 'node:fs';

const entry = new URL('../dist/cli/main.js', import.meta.url);
if (fs.existsSync(entry)) {
  const { main } = await import(entry.href);
  process.exitCode = await main(process.argv.slice(2));
} else {
  process.stderr.write('Airlock is not built yet: run `npm start` or `npm run build` in its folder first.\n');
  process.exitCode = 4;
}
