// The command line as a person uses it: real processes, their exit codes, what they print and where.
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import path from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { lacksLevel, machine } from '../support/jail-level.ts';
import { needsRuntime, slot } from '../support/runtime.ts';
import { reachableSandbox, sandboxArguments } from '../support/sandbox.ts';
import { call, root, temporaryFolder } from '../support/server.ts';

const airlock = path.join(root, 'bin/airlock.js');
const store = path.join(root, '.airlock');
const isBuilt = existsSync(path.join(root, 'dist/cli/main.js'));
const withRuntime = slot !== undefined && isBuilt;
const notBuilt = isBuilt ? '' : ' (skipped: not built, run `npm run build`)';
const title = (text: string): string => `${text}${notBuilt}${needsRuntime}`;
/** The runtime, and no more of a jail than this machine has. */
const usual = ['--store', store, '--unsafe-unsigned', ...sandboxArguments];
const requestFile = path.join(root, 'examples/digits/request.json');

let folder: string;
beforeAll(() => {
  folder = temporaryFolder();
  mkdirSync(path.join(folder, 'models'));
  symlinkSync(path.join(root, 'examples/digits'), path.join(folder, 'models/digits'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

interface Ran {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

function run(args: readonly string[], input = ''): Ran {
  const { status, stdout, stderr } = spawnSync(process.execPath, [airlock, ...args], { cwd: folder, input, encoding: 'utf8' });
  return { code: status, stdout, stderr };
}

const running: ChildProcess[] = [];
afterEach(async () => {
  for (const child of running.splice(0)) {
    if (child.exitCode !== null || child.signalCode !== null) continue;
    child.kill('SIGKILL');
    await once(child, 'exit');
  }
});

interface Served {
  readonly child: ChildProcess;
  output: string;
  readonly errors: () => string;
  /** Settles with the match when the pattern is in the output. */
  readonly prints: (pattern: RegExp) => Promise<RegExpExecArray>;
}

function serve(args: readonly string[]): Served {
  const child = spawn(process.execPath, [airlock, 'serve', ...args], { cwd: folder, stdio: ['ignore', 'pipe', 'pipe'] });
  running.push(child);
  let errors = '';
  child.stderr?.on('data', (chunk) => {
    errors += chunk;
  });
  const served: Served = {
    child,
    output: '',
    errors: () => errors,
    prints: (pattern) =>
      new Promise((resolve, reject) => {
        const look = (): void => {
          const match = pattern.exec(served.output);
          if (match !== null) resolve(match);
        };
        child.stdout?.on('data', look);
        child.once('exit', () => reject(new Error(`it ended without ${pattern}: ${served.output}${errors}`)));
        look();
      }),
  };
  child.stdout?.on('data', (chunk) => {
    served.output += chunk;
  });
  return served;
}

async function exitCode(child: ChildProcess): Promise<number | null> {
  if (child.exitCode === null) await once(child, 'exit');
  return child.exitCode;
}

const noJail = lacksLevel('process');
const noFilters = lacksLevel('seccomp-only');
/** Lines at start that say what was opened. */
// One is that nobody has to have signed the model.
const weakenings = noJail === '' ? 1 : 2;
const hasCurl = spawnSync('curl', ['--version']).status === 0;
const withoutCurl = hasCurl ? '' : ' (its curl line is not run: no curl here)';

describe.skipIf(!withRuntime)(title('airlock predict'), () => {
  it('prints the answer alone on stdout, from a file, from stdin and from an argument', () => {
    const fromFile = run(['predict', 'models/digits', ...usual, '--input', `@${requestFile}`]);
    expect(fromFile).toMatchObject({ code: 0, stderr: '' });
    const { predictions } = JSON.parse(fromFile.stdout) as { readonly predictions: readonly number[][] };
    expect(predictions[0][8]).toBeCloseTo(0.9918, 4);
    const body = readFileSync(requestFile, 'utf8');
    expect(run(['predict', 'models/digits', ...usual], body)).toEqual(fromFile);
    expect(run(['predict', 'models/digits/1', ...usual, '--input', body])).toEqual(fromFile);
  });

  it('refuses in one line and with 1', () => {
    const { code, stdout, stderr } = run(['predict', 'models/digits', ...usual, '--input', '{"instances":[1]}']);
    expect([code, stdout]).toEqual([1, '']);
    expect(stderr).toMatch(/^airlock: [^\n]+\n$/);
    expect(stderr).toContain('at image: expected [?,8,8,1], got [1]');
  });

  it('says with 1 that there is no model', () => {
    const { code, stderr } = run(['predict', 'models', '--store', store, '--unsafe-unsigned', '--input', '{}']);
    expect(code).toBe(1);
    expect(stderr).toMatch(/^airlock: The folder holds no SavedModel/);
  });
});

describe.skipIf(!isBuilt)(`airlock${notBuilt}`, () => {
  it('ends with 0 for help and version', () => {
    expect(run(['--help'])).toMatchObject({ code: 0, stdout: expect.stringContaining('serve'), stderr: '' });
    expect(run(['serve', '--help']).stdout).toContain('Example');
    const { version } = JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8')) as { readonly version: string };
    expect(run(['--version']).stdout).toBe(`${version}\n`);
  });

  it.each([
    [['--nonsense']],
    [['nonsense']],
    [['predict']],
    [['serve', '--log', 'xml']],
    [['predict', 'models/digits', '--unsafe-unsigned', '--input', '@no-such-file']],
  ])('ends with 2 for %j', (args) => {
    const { code, stdout, stderr } = run(args);
    expect([code, stdout]).toEqual([2, '']);
    expect(stderr).not.toContain('    at ');
    expect(stderr.trim().split('\n').length).toBeLessThanOrEqual(2);
  });

  it('ends without a word when nobody reads on', () => {
    const script = `"$0" "$1" scan --rules --json | head -c 1; echo " \${PIPESTATUS[0]}"`;
    const { stdout, stderr } = spawnSync('bash', ['-c', script, process.execPath, airlock], { cwd: folder, encoding: 'utf8' });
    expect([stdout, stderr]).toEqual(['[ 141\n', '']);
  });

  it.skipIf(!existsSync('/dev/full'))('says that nobody has its output, and ends with 4 (skipped without /dev/full)', () => {
    const script = '"$0" "$1" scan --rules --json > /dev/full';
    const { status, stderr } = spawnSync('bash', ['-c', script, process.execPath, airlock], { cwd: folder, encoding: 'utf8' });
    expect([status, stderr]).toEqual([4, 'airlock: The output could not be written (ENOSPC)\n']);
  });

  it('ends with 3 for a configuration that is not there or not right, and names every mistake', () => {
    const absent = run(['serve', 'nothing.yaml']);
    expect(absent.code).toBe(3);
    expect(absent.stderr).toMatch(/^airlock: There is no nothing\.yaml[^\n]*\n$/);
    writeFileSync(path.join(folder, 'wrong.yaml'), 'models:\n  - name: a/b\n    path: ./models\nlimit: 1\n');
    const wrong = run(['serve', 'wrong.yaml']);
    expect([wrong.code, wrong.stdout]).toEqual([3, '']);
    expect(wrong.stderr).toMatch(/models\[0\]\.name/);
    expect(wrong.stderr).toMatch(/limits/);
    mkdirSync(path.join(folder, 'empty'), { recursive: true });
    expect(run(['serve', 'empty', '--unsafe-unsigned']).code).toBe(3);
    const beyond = run(['serve', 'models/digits', '--unsafe-unsigned', '--listen', '0.0.0.0:0']);
    expect([beyond.code, beyond.stderr.includes('loopback')]).toEqual([3, true]);
  });

  it('ends with 4 where TensorFlow is not installed, and says what to do', () => {
    for (const args of [
      ['serve', 'models/digits'],
      ['predict', 'models/digits', '--input', '{}'],
    ]) {
      const { code, stderr } = run([...args, '--unsafe-unsigned', '--store', 'empty-store']);
      expect(code).toBe(4);
      expect(stderr).toMatch(/^airlock: [^\n]*runtime install/);
    }
    const { code, stdout } = run(['doctor', '--json', '--store', 'empty-store']);
    expect(code).toBe(4);
    expect(JSON.parse(stdout)).toMatchObject({
      findings: expect.arrayContaining([expect.objectContaining({ check: 'tensorflow', state: 'lacking' })]),
    });
  });
});

it.skipIf(!isBuilt)(`a process that serves loads nothing that signs${notBuilt}`, () => {
  // With this Node writes down every script that it has loaded.
  const scripts = (...args: readonly string[]): string[] => {
    const lists = path.join(folder, `loaded-${args[0]}`);
    spawnSync(process.execPath, [airlock, ...args], { cwd: folder, env: { ...process.env, NODE_V8_COVERAGE: lists } });
    return readdirSync(lists).flatMap((file) => {
      const { result } = JSON.parse(readFileSync(path.join(lists, file), 'utf8')) as {
        readonly result: readonly { readonly url: string }[];
      };
      return result.map(({ url }) => url.replace(/^.*\/dist\//, ''));
    });
  };
  const server = scripts('serve', 'models/digits', '--key', 'no-such.pub', '--store', 'empty-store');
  expect(server).toContain('gateway/airlock-server.js');
  expect(server.filter((name) => name.startsWith('signing/') || name.startsWith('derive/'))).toEqual([]);
  expect(scripts('keys', 'inspect', 'no-such.pub')).toContain('signing/index.js');
});

describe.skipIf(!withRuntime)(title('airlock doctor'), () => {
  it('prints JSON alone on stdout', () => {
    const { code, stdout, stderr } = run(['doctor', '--json', '--store', store]);
    expect([code, stderr === '']).toEqual(noJail === '' ? [0, true] : [4, false]);
    const { findings } = JSON.parse(stdout) as {
      readonly findings: readonly { readonly check: string; readonly state: string }[];
    };
    const stateOf = new Map(findings.map(({ check, state }) => [check, state]));
    expect(stateOf.get('tensorflow')).toBe('ok');
    expect(stateOf.get('platform')).toBe('ok');
    expect(stateOf.get('jail')).toBe(noJail === '' ? 'ok' : 'lacking');
    for (const { layer, works } of machine?.layers ?? []) expect(stateOf.get(layer), layer).toBe(works ? 'ok' : 'warning');
  });

  it('prints a line per finding for people', () => {
    const { code, stdout } = run(['doctor', '--store', store]);
    expect(code).toBe(noJail === '' ? 0 : 4);
    expect(stdout).toMatch(/^ok\s+tensorflow\s+2\.21\.0/m);
  });
});

describe.skipIf(!withRuntime)(title('airlock serve'), () => {
  it(`serves a folder and says how to call it, until it is asked to stop${withoutCurl}`, async () => {
    const served = serve(['models/digits', ...usual, '--listen', '127.0.0.1:0', '--log', 'text']);
    const [, command] = await served.prints(/ready; try: {2}(.*)$/m);
    expect(command).toMatch(/^curl -d @models\/digits\/request\.json http:\/\/127\.0\.0\.1:\d+\/v1\/models\/digits:predict$/);
    expect(served.output).toContain(`isolation: ${machine?.level}`);
    expect(served.output.split('weakened').length - 1).toBe(weakenings);
    if (hasCurl) {
      const { status, stdout } = spawnSync('sh', ['-c', command], { cwd: folder, encoding: 'utf8', timeout: 20_000 });
      expect(status).toBe(0);
      expect((JSON.parse(stdout) as { readonly predictions: readonly number[][] }).predictions[0][8]).toBeCloseTo(0.9918, 4);
    }
    const url = command.split(' ').at(-1) ?? '';
    expect((await call(url, { method: 'POST', body: '{"instances":["secret"]}' })).status).toBe(400);
    served.child.kill('SIGTERM');
    expect(await exitCode(served.child)).toBe(0);
    expect(served.output).toMatch(/refused 400 TENSOR_TYPE_MISMATCH digits predict at instances\[0\]/);
    expect(served.output).not.toContain('secret');
    expect(served.errors()).toBe('');
    await expect(fetch(url)).rejects.toThrow();
  });

  it('logs JSON lines where stderr is no terminal, and serves what a configuration says', async () => {
    const config = {
      listen: { rest: '127.0.0.1:0' },
      store,
      sandbox: reachableSandbox,
      models: [{ name: 'seven', path: './models/digits', shapes: 'compat', unsafeUnsigned: true }],
    };
    writeFileSync(path.join(folder, 'good.yaml'), JSON.stringify(config));
    const served = serve(['good.yaml']);
    await served.prints(/ready; try/);
    const lines = served.output
      .trim()
      .split('\n')
      .map((line): Record<string, unknown> => JSON.parse(line));
    expect(lines.find(({ msg }) => msg === 'available')).toMatchObject({ model: 'seven', version: '1' });
    expect(lines.filter(({ msg }) => String(msg).startsWith('weakened: ')).length).toBe(weakenings + 1);
    const url = String(lines.find(({ msg }) => msg === 'listening')?.url);
    expect((await call(`${url}/v1/models/seven`)).status).toBe(200);
    expect((await call(`${url}/v1/models/digits`)).status).toBe(404);
    served.child.kill('SIGINT');
    expect(await exitCode(served.child)).toBe(0);
  });

  it.skipIf(noFilters !== '')(`says at start what was opened${noFilters}`, async () => {
    const served = serve([
      'models/digits',
      '--store',
      store,
      '--unsafe-unsigned',
      '--listen',
      '127.0.0.1:0',
      '--unsafe-sandbox',
      'seccomp-only',
    ]);
    await served.prints(/ready; try/);
    expect(served.output).toContain('weakened: sandbox.unsafeLevel: seccomp-only');
    expect(served.output).toContain('isolation: seccomp-only (');
    expect(served.output).not.toContain('Landlock');
    writeFileSync(
      path.join(folder, 'closed.yaml'),
      JSON.stringify({ store, models: [{ name: 'm', path: './models/digits', unsafeUnsigned: true }] }),
    );
    const { code, stderr } = run(['serve', 'closed.yaml', '--unsafe-sandbox', 'none']);
    expect([code, stderr]).toEqual([2, expect.stringContaining('--unsafe-sandbox')]);
  });

  it('ends with 4 and one line when its port is taken', async () => {
    const other = createServer().listen(0, '127.0.0.1');
    await once(other, 'listening');
    const address = other.address();
    const port = typeof address === 'object' && address !== null ? address.port : 0;
    const { code, stderr } = run(['serve', 'models/digits', ...usual, '--listen', `127.0.0.1:${port}`]);
    other.close();
    expect(code).toBe(4);
    expect(stderr).toBe(
      `airlock: The server could not listen on 127.0.0.1:${port} (EADDRINUSE): choose another address with --listen\n`,
    );
  });

  it('stays up, and says so, when a model does not load', async () => {
    const broken = path.join(folder, 'broken/1');
    mkdirSync(broken, { recursive: true });
    writeFileSync(path.join(broken, 'saved_model.pb'), 'not a model');
    const served = serve(['broken', ...usual, '--listen', '127.0.0.1:0', '--log', 'text']);
    await served.prints(/broken version 1 is not served: .*MODEL_INVALID/);
    const [, url] = await served.prints(/listening on (\S+)/);
    expect((await call(`${url}/readyz`)).status).toBe(503);
    expect((await call(`${url}/v1/models/broken:predict`, { method: 'POST', body: '{}' })).status).toBe(503);
    served.child.kill('SIGTERM');
    expect(await exitCode(served.child)).toBe(0);
  });
});
