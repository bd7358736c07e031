// What hostile models reach for: files that are not theirs, folders that anybody may write to, a port that somebody listens on. All of it
// is the test's own, and open to every user of the machine, so that nothing but the jail can be what stops them.
import { chmodSync, copyFileSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import path from 'node:path';
import { maskedCrc32c } from '../../../src/model/crc32c.ts';
import { uint32 } from '../../support/model-builder.ts';
import { root, temporaryFolder } from '../../support/server.ts';

/** What stands in every decoy file. */
export const secret = 'the-secret-of-the-house';

export class World {
  readonly directory = temporaryFolder();
  readonly secretFile = this.#decoy('secret.txt', `${secret}\n`);
  readonly recordFile = this.#decoy('secret.tfrecord', tfRecord(Buffer.from(secret)));
  readonly emptyDatabase = this.#decoy('empty.sqlite', '');
  /** The checkpoint of another model. */
  readonly checkpoint: string;
  readonly #unused: Listener[];
  readonly #listeners: readonly Listener[];

  private constructor(listeners: Listener[]) {
    this.#listeners = [...listeners];
    this.#unused = listeners;
    chmodSync(this.directory, 0o755);
    this.checkpoint = path.join(this.directory, 'variables');
    for (const suffix of ['.index', '.data-00000-of-00001'])
      copyFileSync(path.join(root, 'examples/digits/1/variables', `variables${suffix}`), this.checkpoint + suffix);
  }

  /** A world with room for ten attacks that need a listener. */
  static async open(): Promise<World> {
    return new World(await Promise.all(Array.from({ length: 10 }, () => Listener.open())));
  }

  #decoy(name: string, content: string | Buffer): string {
    const file = path.join(this.directory, name);
    writeFileSync(file, content);
    return file;
  }

  /** A folder for one attack that everybody may write to. */
  folder(attack: string): string {
    const folder = path.join(this.directory, 'written', attack);
    mkdirSync(folder, { recursive: true });
    chmodSync(folder, 0o777);
    return folder;
  }

  /** What lies in the folder of an attack, below it too. */
  written(attack: string): string[] {
    return readdirSync(this.folder(attack), { recursive: true }).map(String);
  }

  /** A port of 127.0.0.1 for one attack. */
  listener(): Listener {
    const listener = this.#unused.pop();
    if (listener === undefined) throw new Error('no listener is left');
    return listener;
  }

  close(): void {
    for (const listener of this.#listeners) listener.close();
    rmSync(this.directory, { recursive: true, force: true });
  }
}

/** Counts who comes to a port, and sends everybody away. */
export class Listener {
  readonly #server: Server;
  #connections = 0;

  private constructor(server: Server) {
    this.#server = server;
    server.on('connection', (socket) => {
      this.#connections++;
      socket.destroy();
    });
  }

  static async open(): Promise<Listener> {
    const server = createServer();
    await new Promise<void>((resolve) => {
      server.listen(0, '127.0.0.1', resolve);
    });
    return new Listener(server);
  }

  get connections(): number {
    return this.#connections;
  }

  /** `host:port`. */
  get address(): string {
    const address = this.#server.address();
    if (address === null || typeof address === 'string') throw new Error('not listening');
    return `127.0.0.1:${address.port}`;
  }

  close(): void {
    this.#server.close();
  }
}

/** One record as TensorFlow frames it: length, its checksum, the record, its checksum. */
function tfRecord(record: Buffer): Buffer {
  const length = Buffer.alloc(8);
  length.writeUInt32LE(record.length);
  return Buffer.concat([length, uint32(maskedCrc32c(length)), record, uint32(maskedCrc32c(record))]);
}
