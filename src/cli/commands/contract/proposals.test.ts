// `airlock contract import`, `export`, `diff` and `update` as commands: files, exit codes, what is printed, and that nothing is overwritten.
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import { afterAll, describe, expect, it } from 'vitest';
import { savedModelBytes, servingDefault } from '../../../../tests/support/model-builder.ts';
import { contractDigest, loadContract } from '../../../contract/index.ts';
import { main } from '../../main.ts';

const folder = mkdtempSync(join(tmpdir(), 'airlock-contract-'));
afterAll(() => rmSync(folder, { recursive: true }));
const at = (name: string) => join(folder, name);

async function airlock(...args: string[]) {
  const collect = () => {
    const parts: Buffer[] = [];
    const stream = new Writable({
      write(chunk: Buffer, _, done) {
        parts.push(Buffer.from(chunk));
        done();
      },
    });
    return { stream, text: () => Buffer.concat(parts).toString('utf8') };
  };
  const [out, err] = [collect(), collect()];
  const code = await main(['contract', ...args], { stdout: out.stream, stderr: err.stream, env: {}, isTerminal: false });
  return { code, out: out.text(), err: err.text() };
}

const schema = `
feature { name: "age" type: INT presence { min_fraction: 1 min_count: 1 } shape { dim { size: 1 } } }
feature { name: "city" type: BYTES domain: "c" distribution_constraints { min_domain_mass: 0.9 } }
feature { name: "label" type: INT not_in_environment: "SERVING" }
string_domain { name: "c" value: "Oslo" value: "Bergen" }
default_environment: "TRAINING" default_environment: "SERVING"`;
const statistics = `datasets { num_examples: 9 features { name: "age" type: INT
  num_stats { common_stats { min_num_values: 1 max_num_values: 1 } min: 20 max: 60 } } }`;

const contract = (rules: string, revision = 1) => `
apiVersion: airlock/contract/v1
metadata: { id: a, revision: ${revision} }
signatures: { s: { inputs: { x: { dtype: int64, shape: [null]${rules} } } } }
`;

describe('airlock contract import and export', () => {
  it('writes a contract with its vocabulary, prints the report, and comes back as a schema', async () => {
    writeFileSync(at('schema.pbtxt'), schema);
    writeFileSync(at('stats.pbtxt'), statistics);
    const args = [
      'import',
      at('schema.pbtxt'),
      '--statistics',
      at('stats.pbtxt'),
      '--environment',
      'SERVING',
      '-o',
      at('imported.yaml'),
    ];
    const { code, out, err } = await airlock(...args);
    expect({ code, err }).toEqual({ code: 0, err: '' });
    expect(out).toContain('label: the feature; it is not in environment SERVING');
    expect(out).toContain('age [presence.min_count]');
    const { contract: read } = await loadContract(at('imported.yaml'));
    const example = read.signatures.get('serving_default')?.inputs.get('examples')?.example;
    expect([...(example?.features.keys() ?? [])]).toEqual(['age', 'city']);
    expect(example?.features.get('age')).toMatchObject({ min: 10, max: 70, required: true });
    expect(example?.features.get('city')?.vocabulary?.entries).toEqual(new Set(['Oslo', 'Bergen']));
    expect(read.metadata.sources.map(({ kind }) => kind)).toEqual(['tfdv_schema', 'tfdv_statistics']);

    expect((await airlock('export', at('imported.yaml'), '--tfdv', 'schema', '-o', at('again.pbtxt'))).code).toBe(0);
    const again = readFileSync(at('again.pbtxt'), 'utf8');
    expect(again).toContain('  int_domain {\n    min: 10\n    max: 70\n  }');
    expect(again).toContain('  distribution_constraints {\n    min_domain_mass: 0.9\n  }');
    const binary = await airlock('export', at('imported.yaml'), '--tfdv', 'schema', '--binary', '-o', at('again.pb'), '--json');
    expect(JSON.parse(binary.out)).toHaveProperty('lost');
    const ends = await airlock('export', at('imported.yaml'), '--tfdv', 'statistics');
    expect(ends).toMatchObject({ code: 0, err: expect.stringContaining('nobody measured them') });
    expect(ends.out).toContain('      min: 10.0\n      max: 70.0\n');
    const twice = await airlock('import', at('again.pb'), '-o', at('twice.yaml'), '--json');
    expect(JSON.parse(twice.out)).toMatchObject({ id: 'again', lost: expect.any(Array), changed: expect.any(Array) });
  });

  it('matches features with the inputs of a model', async () => {
    rmSync(at('model'), { recursive: true, force: true });
    mkdirSync(at('model'));
    writeFileSync(
      at('model/saved_model.pb'),
      savedModelBytes({ metaInfoDef: { tags: ['serve'] }, signatureDef: [servingDefault] }),
    );
    writeFileSync(at('dense.pbtxt'), 'feature { name: "x" type: FLOAT float_domain { min: 1 max: 2 } }');
    const { code, out, err } = await airlock('import', at('dense.pbtxt'), '--model', at('model'), '-o', at('dense.yaml'));
    expect({ code, err }).toEqual({ code: 0, err: '' });
    expect(out).toContain('x [presence]');
    const { contract: read } = await loadContract(at('dense.yaml'));
    expect(read.signatures.get('serving_default')?.inputs.get('x')).toMatchObject({ min: 1, max: 2 });
  });

  it('writes assertions in Python', async () => {
    writeFileSync(at('python.yaml'), contract(', max: 100, min: 0'));
    expect((await airlock('export', at('python.yaml'), '--python', '-o', at('checks.py'))).code).toBe(0);
    expect(readFileSync(at('checks.py'), 'utf8')).toContain('def check_inputs(');
    expect((await airlock('export', at('python.yaml'), '--python')).out).toContain('import tensorflow');
    expect(await airlock('export', at('python.yaml'), '--python', '--tfdv', 'schema')).toMatchObject({ code: 2 });
  });

  it('refuses what is no schema, an unknown environment, and to overwrite', async () => {
    writeFileSync(at('broken.pb'), Buffer.from([0xff, 0xff]));
    expect(await airlock('import', at('broken.pb'), '-o', at('x.yaml'))).toMatchObject({
      code: 1,
      err: expect.stringContaining('broken.pb'),
    });
    expect(await airlock('import', at('schema.pbtxt'), '--environment', 'SERVNG', '-o', at('x.yaml'))).toMatchObject({
      code: 2,
      err: expect.stringContaining('TRAINING, SERVING'),
    });
    expect(await airlock('import', at('schema.pbtxt'), '-o', at('imported.yaml'))).toMatchObject({ code: 2 });
    expect(await airlock('export', at('imported.yaml'))).toMatchObject({
      code: 2,
      err: expect.stringContaining('--tfdv schema'),
    });
    expect(readdirSync(folder)).not.toContain('x.yaml');
  });
});

describe('airlock contract diff', () => {
  it('exits 0 when nothing is enforced differently, and 1 otherwise', async () => {
    writeFileSync(at('old.yaml'), contract(', max: 100, min: 0'));
    writeFileSync(at('same.yaml'), `# a comment\n${contract(', min: 0, max: 100, onViolation: { max: reject }', 9)}`);
    writeFileSync(at('wider.yaml'), contract(', min: 0, max: 200'));
    expect(await airlock('diff', at('old.yaml'), at('same.yaml'))).toEqual({ code: 0, out: '', err: '' });
    const wider = await airlock('diff', at('old.yaml'), at('wider.yaml'));
    expect(wider).toMatchObject({ code: 1, out: '  widened   signatures.s.inputs.x.max: 100 → 200\n' });
    expect((await airlock('diff', '--breaking', at('old.yaml'), at('wider.yaml'))).code).toBe(0);
    const json = await airlock('diff', '--json', at('wider.yaml'), at('old.yaml'));
    expect(JSON.parse(json.out)).toMatchObject({ breaking: 1, changes: [{ change: 'tightened', before: '200', after: '100' }] });
    expect((await airlock('diff', at('old.yaml'), at('absent.yaml'))).code).toBe(3);
  });
});

describe('airlock contract update', () => {
  it('proposes a capped step from data in a new file, marked, and leaves the contract alone', async () => {
    const text = contract(', max: 100, min: 0');
    writeFileSync(at('current.yaml'), text);
    writeFileSync(at('new.csv'), 'x\n5\n150\n');
    const { code, out, err } = await airlock('update', at('current.yaml'), '--data', at('new.csv'), '-o', at('next.yaml'));
    expect({ code, err }).toEqual({ code: 0, err: 'Reading data (8 B)\n' });
    expect(out).toContain('widened   signatures.s.inputs.x.max: 100 → 110');
    expect(out).toContain('the data reach 150');
    expect(readFileSync(at('current.yaml'), 'utf8')).toBe(text);
    expect(readFileSync(at('next.yaml'), 'utf8')).toContain('# WIDENED max: 100 to 110; the data asks for 150');
    expect((await loadContract(at('next.yaml'))).contract.metadata.revision).toBe(2);
  });

  it('reads data as profile does', async () => {
    writeFileSync(at('unnamed.txt'), 'a;b\n5;1\n-;2\n150;3\n');
    const args = ['update', at('current.yaml'), '--data', at('unnamed.txt'), '--map', 'a=x', '-o', at('from-text.yaml')];
    const reading = ['--format', 'csv', '--separator', ';', '--missing', '-'];
    const { code, out, err } = await airlock(...args, ...reading);
    expect({ code, err }).toEqual({ code: 0, err: 'Reading data (18 B)\n' });
    expect(out).toContain('widened   signatures.s.inputs.x.max: 100 → 110');
    expect(await airlock(...args, '--format', 'xml')).toMatchObject({ code: 2 });
  });

  it('never writes over the contract, also not through a link', async () => {
    const before = readFileSync(at('current.yaml'), 'utf8');
    symlinkSync(at('current.yaml'), at('link.yaml'));
    for (const output of ['current.yaml', 'link.yaml'])
      expect(await airlock('update', at('current.yaml'), '--data', at('new.csv'), '-o', at(output))).toMatchObject({ code: 2 });
    expect(readFileSync(at('current.yaml'), 'utf8')).toBe(before);
  });

  it('promotes from a status, and only when it is told for how long', async () => {
    writeFileSync(at('shadow.yaml'), contract(', max: 100, modes: { max: shadow }'));
    const { contract: read } = await loadContract(at('shadow.yaml'));
    const report = {
      id: 'a',
      revision: 1,
      digest: contractDigest(read).slice(0, 12),
      mode: 'enforce',
      checked: 50_000,
      rules: [],
    };
    writeFileSync(at('status.json'), JSON.stringify({ models: [{ versions: [{ contract: report }] }] }));
    const args = ['update', at('shadow.yaml'), '--status', at('status.json'), '-o', at('promoted.yaml')];
    expect(await airlock(...args)).toMatchObject({ code: 2, err: expect.stringContaining('--days') });
    expect(await airlock(...args, '--days', '2')).toMatchObject({ code: 0, out: expect.stringContaining('Nothing to propose') });
    const { code, out } = await airlock(...args, '--days', '8');
    expect({ code, out }).toEqual({
      code: 0,
      out: '! mode      signatures.s.inputs.x.modes.max: "shadow" → "enforce" (tightened)\n',
    });
    expect(await airlock('update', at('old.yaml'), '--status', at('status.json'), '-o', at('z.yaml'))).toMatchObject({ code: 1 });
    expect(await airlock('update', at('old.yaml'), '-o', at('z.yaml'))).toMatchObject({ code: 2 });
    expect(await airlock(...args, '--max-rate', '2')).toMatchObject({ code: 2 });
  });
});
