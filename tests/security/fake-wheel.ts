// Makes small wheels for tests, honest and hostile ones: a zip writer that can lie in every field an attacker would lie in.
import { createHash } from 'node:crypto';
import { crc32, deflateRawSync } from 'node:zlib';
import type { RuntimePin } from '../../src/runtime/index.ts';

export interface FakeEntry {
  readonly name: string;
  readonly content: Buffer;
  readonly stored?: boolean;
  /** Unix mode with its file type; default a regular file. */
  readonly mode?: number;
  readonly flags?: number;
  readonly declaredBytes?: number;
  readonly declaredCrc?: number;
}

function fieldsOf(entry: FakeEntry, data: Buffer): Buffer {
  const fields = Buffer.alloc(26);
  fields.writeUInt16LE(20, 0);
  fields.writeUInt16LE(entry.flags ?? 0, 2);
  fields.writeUInt16LE(entry.stored === true ? 0 : 8, 4);
  fields.writeUInt32LE(entry.declaredCrc ?? crc32(entry.content), 10);
  fields.writeUInt32LE(data.length, 14);
  fields.writeUInt32LE(entry.declaredBytes ?? entry.content.length, 18);
  fields.writeUInt16LE(Buffer.byteLength(entry.name), 22);
  return fields;
}

/** A zip file with these entries, in this order. */
export function writeZip(entries: readonly FakeEntry[]): Buffer {
  const locals: Buffer[] = [];
  const centrals: Buffer[] = [];
  let offset = 0;
  for (const entry of entries) {
    const data = entry.stored === true ? entry.content : deflateRawSync(entry.content);
    const fields = fieldsOf(entry, data);
    const local = Buffer.concat([Buffer.from('PK\u0003\u0004'), fields, Buffer.from(entry.name), data]);
    const tail = Buffer.alloc(14);
    tail.writeUInt32LE(((entry.mode ?? 0o100644) << 16) >>> 0, 6);
    tail.writeUInt32LE(offset, 10);
    centrals.push(Buffer.from('PK\u0001\u0002'), Buffer.from([20, 3]), fields, tail, Buffer.from(entry.name));
    locals.push(local);
    offset += local.length;
  }
  const directory = Buffer.concat(centrals);
  const end = Buffer.alloc(22);
  end.write('PK\u0005\u0006', 'latin1');
  end.writeUInt16LE(entries.length, 8);
  end.writeUInt16LE(entries.length, 10);
  end.writeUInt32LE(directory.length, 12);
  end.writeUInt32LE(offset, 16);
  return Buffer.concat([...locals, directory, end]);
}

export function sha256Of(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex');
}

const cc: FakeEntry = {
  name: 'tensorflow/libtensorflow_cc.so.2',
  content: Buffer.alloc(300_000, 'not a library, but long enough for several pieces; '),
};
const framework: FakeEntry = {
  name: 'tensorflow/libtensorflow_framework.so.2',
  content: Buffer.from('not a library either\n'),
  stored: true,
};
const licence: FakeEntry = { name: 'tensorflow/include/LICENSE', content: Buffer.from('do what is written here\n') };

/** What an honest wheel holds: the files that Airlock takes, and others that it leaves. pip reads the METADATA. */
export const honestEntries: readonly FakeEntry[] = [
  { name: 'tensorflow/', content: Buffer.alloc(0), stored: true, mode: 0o040755 },
  cc,
  framework,
  licence,
  { name: 'tensorflow/__init__.py', content: Buffer.from('raise SystemExit("must never run")\n') },
  {
    name: 'tensorflow_cpu-9.9.9.dist-info/METADATA',
    content: Buffer.from('Metadata-Version: 2.1\nName: tensorflow-cpu\nVersion: 9.9.9\n'),
  },
  {
    name: 'tensorflow_cpu-9.9.9.dist-info/WHEEL',
    content: Buffer.from('Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: false\nTag: cp311-cp311-manylinux_2_17_x86_64\n'),
  },
  { name: 'tensorflow_cpu-9.9.9.dist-info/RECORD', content: Buffer.alloc(0) },
];

/** The honest entries with the one of the same name replaced, or `entry` added. */
export function withEntry(entry: FakeEntry): readonly FakeEntry[] {
  const known = honestEntries.some((honest) => honest.name === entry.name);
  return known ? honestEntries.map((honest) => (honest.name === entry.name ? entry : honest)) : [...honestEntries, entry];
}

export const ccEntry = cc;

/** A pin for a fake wheel: its own hash, and the files of the honest one. */
export function pinOf(wheel: Buffer): RuntimePin {
  return {
    version: '9.9.9',
    arch: 'x86_64',
    package: 'tensorflow-cpu',
    pythonTag: 'cp311',
    platformTags: ['manylinux_2_17_x86_64'],
    wheel: 'tensorflow_cpu-9.9.9-cp311-cp311-manylinux_2_17_x86_64.whl',
    wheelBytes: wheel.length,
    wheelSha256: sha256Of(wheel),
    files: [licence, cc, framework].map((entry) => ({
      entry: entry.name,
      name: entry.name.slice(entry.name.lastIndexOf('/') + 1),
      bytes: entry.content.length,
      sha256: sha256Of(entry.content),
    })),
  };
}
