// What a process gives up by these calls, seen in processes that make them.
import { spawnSync } from 'node:child_process';
import { closeSync, existsSync, openSync } from 'node:fs';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { describe, expect, it } from 'vitest';
import { errnoName } from './index.ts';

const dist = path.resolve(import.meta.dirname, '../../dist');
const whyNot = existsSync(path.join(dist, 'kernel/index.js')) ? '' : ' (skipped: not built, run `npm run build`)';

/** What a script prints that has src/kernel as `kernel`, and the compiler of src/jail as `compileFilter`. */
function run(script: string, extra: readonly (number | 'ignore')[] = []): string {
  const imports = `
    import * as kernel from ${JSON.stringify(pathToFileURL(path.join(dist, 'kernel/index.js')))};
    import { compileFilter } from ${JSON.stringify(pathToFileURL(path.join(dist, 'jail/compile-filter.js')))};
    import { callNumber, hostArchitecture } from ${JSON.stringify(pathToFileURL(path.join(dist, 'jail/index.js')))};
    import fs from 'node:fs';\n`;
  const stdio = ['ignore', 'pipe', 'inherit', 'ignore', ...extra] as const;
  return spawnSync(process.execPath, ['--jitless', '--input-type=module', '-e', imports + script], {
    stdio: [...stdio],
  }).stdout.toString();
}

/** execve into a Node that prints whether descriptor 44 is open. */
const becomeReader = `kernel.becomeProgram(process.execPath,
  ['-p', 'try { require("fs").fstatSync(44); "open" } catch (e) { e.code }'], {});`;

describe.skipIf(whyNot !== '')(`a process${whyNot}`, () => {
  it('that made itself undumpable keeps its memory from others of its user', () => {
    const owner =
      "console.log(fs.statSync('/proc/self/mem').uid, kernel.systemCall(callNumber('prctl', hostArchitecture()), 3));";
    expect(run(`${owner} kernel.makeUndumpable(); ${owner}`)).toMatch(/^\d+ 1n\n0 0n\n$/);
  });

  it('that gave up executable memory gets none, on a kernel that has this', () => {
    // PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS
    const map = "console.log(kernel.systemCall(callNumber('mmap', hostArchitecture()), 0, 4096, 7, 0x22, -1, 0) > 0n);";
    const printed = run(`${map} console.log(kernel.denyExecutableMemory()); ${map}`);
    expect(['true\ntrue\nfalse\n', 'true\nfalse\ntrue\n']).toContain(printed);
  });

  it.each([
    ['with close_range', ''],
    [
      'without close_range, as before Linux 5.9',
      `kernel.noNewPrivileges(); kernel.installFilter(compileFilter({ rules: [{ call: 'close_range', when: [], action: 'ENOSYS', why: '' }],
         otherwise: 'allow' }, hostArchitecture()), { allThreads: false });`,
    ],
  ])('keeps only the descriptors that it means to keep, %s', (_, before) => {
    const fd = openSync('/dev/null', 'r');
    const extra = [...new Array(40).fill('ignore'), fd];
    const printed = run(
      `console.log(fs.fstatSync(44).isCharacterDevice()); ${before} kernel.keepDescriptors(3); ${becomeReader}`,
      extra,
    );
    expect(printed).toBe('true\nEBADF\n');
    closeSync(fd);
  });

  it('that installs a filter needs no_new_privs, and is told when it is refused', () => {
    const filter = "compileFilter({ rules: [], otherwise: 'allow' }, hostArchitecture())";
    const refused = run(
      `try { kernel.installFilter(${filter}.subarray(0, 8), { allThreads: true }); } catch (e) { console.log(e.detail); }`,
    );
    expect(refused).toMatch(/^seccomp: E(INVAL|ACCES)\n$/);
  });

  it('says what an error number is called', () => {
    expect([errnoName(1), errnoName(13), errnoName(4000)]).toEqual(['EPERM', 'EACCES', 'errno 4000']);
  });
});
