// What a worker is given of a model's folder: all that TensorFlow reads, whole, and nothing from anywhere else.
import { mkdtempSync, rmSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { modelFiles, writeFiles } from '../../tests/support/model-builder.ts';
import { readModelContent } from './model-content.ts';

async function collect(directory: string): Promise<{ files: Record<string, Buffer>; chunks: number }> {
  const files: Record<string, Buffer> = {};
  let chunks = 0;
  for await (const { name, chunk } of readModelContent(directory)) {
    files[name] = Buffer.concat([files[name] ?? Buffer.alloc(0), chunk]);
    chunks++;
  }
  return { files, chunks };
}

const refusal = (code: string, text: string) => expect.objectContaining({ code, message: expect.stringContaining(text) });

describe('readModelContent', () => {
  let directory = '';
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'airlock-content-'));
    writeFiles(directory, modelFiles(2));
  });
  afterEach(() => rmSync(directory, { recursive: true }));

  it('gives every file that TensorFlow reads, and only those', async () => {
    writeFiles(directory, { 'assets.extra/tf_serving_warmup_requests': 'x', 'model.sig': 'x', 'keras_metadata.pb': 'x' });
    writeFiles(directory, { 'fingerprint.pb': 'f', 'assets/empty': '', 'assets/deep/er/words.txt': 'three' });
    const expected = { ...modelFiles(2), 'fingerprint.pb': 'f', 'assets/empty': '', 'assets/deep/er/words.txt': 'three' };
    const { files } = await collect(directory);
    const texts = (all: Record<string, Buffer | string>) =>
      Object.fromEntries(Object.entries(all).map(([name, content]) => [name, Buffer.from(content).toString('latin1')]));
    expect(texts(files)).toEqual(texts(expected));
  });

  it('cuts a large file into chunks of at most a mebibyte', async () => {
    const large = Buffer.alloc(2.5 * 1024 * 1024, 'abc');
    writeFiles(directory, { 'assets/large': large });
    const { files, chunks } = await collect(directory);
    expect(files['assets/large'].equals(large)).toBe(true);
    expect(chunks).toBe(Object.keys(modelFiles(2)).length + 3);
  });

  it('refuses a link, wherever it is', async () => {
    symlinkSync('/etc/passwd', join(directory, 'assets/more.txt'));
    await expect(collect(directory)).rejects.toEqual(refusal('MODEL_INVALID', 'assets/more.txt is a symbolic link'));
  });

  it('refuses a model in text form by its name', async () => {
    rmSync(join(directory, 'saved_model.pb'));
    writeFileSync(join(directory, 'saved_model.pbtxt'), '');
    await expect(collect(directory)).rejects.toEqual(refusal('MODEL_FORMAT_UNSUPPORTED', 'saved_model.pbtxt'));
  });

  it('notices a file that becomes shorter while it is read', async () => {
    writeFiles(directory, { 'assets/large': Buffer.alloc(3 * 1024 * 1024) });
    const read = async (): Promise<void> => {
      for await (const { name } of readModelContent(directory)) {
        if (name === 'assets/large') truncateSync(join(directory, name), 1024);
      }
    };
    await expect(read()).rejects.toEqual(refusal('MODEL_INCOMPLETE', 'became shorter'));
  });
});
