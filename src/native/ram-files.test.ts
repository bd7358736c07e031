// A model that comes in pieces is whole in TensorFlow's memory, and what it does not need any more after its load is gone.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { node, placeholder, writeSavedModel } from '../../tests/support/graph.ts';
import { library, needsRuntime, runSession, slot } from '../../tests/support/runtime.ts';
import { signature, spec, strings, stringsOf } from '../../tests/support/tensors.ts';
import { RamFiles } from './ram-files.ts';
import { Session } from './session.ts';

const directory = mkdtempSync(path.join(tmpdir(), 'airlock-ram-'));
afterAll(() => rmSync(directory, { recursive: true, force: true }));

const string = 7;
const readsFile = [signature([spec('x:0', 'DT_STRING')], [spec('y:0', 'DT_STRING')])];

/** A model whose request is a file's name and whose answer is the file. */
function fileReader(): Buffer {
  writeSavedModel(directory, [placeholder('x', string), node('y', 'ReadFile', ['x'])]);
  return readFileSync(path.join(directory, 'saved_model.pb'));
}

function load(modelDirectory: string): Session {
  const threads = { intraOpThreads: 1, interOpThreads: 1 };
  return Session.load({
    library: library(),
    modelDirectory,
    tags: ['serve'],
    ...threads,
    signatures: readsFile,
    maxOutputBytes: 1e6,
  });
}

describe.skipIf(slot === undefined)(`RamFiles${needsRuntime}`, () => {
  it('puts pieces together, keeps the assets of a loaded model and frees the rest', () => {
    const files = new RamFiles(library(), 'ram://ram-files-test');
    const pb = fileReader();
    for (let at = 0; at < pb.length; at += 100) files.append('saved_model.pb', pb.subarray(at, at + 100));
    files.append('variables/part', Buffer.from('checkpoint'));
    files.append('assets/empty', Buffer.alloc(0));
    for (const piece of ['one ', '', 'two']) files.append('assets/deep/words.txt', Buffer.from(piece));
    files.finish();
    const session = load(files.directory);
    const read = (name: string) => stringsOf(runSession(session, [strings([], [`${files.directory}/${name}`])])[0]);
    expect(read('variables/part')).toEqual(['checkpoint']);
    files.deleteLoaded();
    expect(read('assets/deep/words.txt')).toEqual(['one two']);
    expect(read('assets/empty')).toEqual(['']);
    expect(() => read('variables/part')).toThrow(expect.objectContaining({ code: 'TENSORFLOW_NOT_FOUND' }));
    session.close();
    expect(() => load(files.directory)).toThrow(expect.objectContaining({ code: 'MODEL_LOAD_FAILED' }));
  });
});
