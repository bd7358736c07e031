// A model's files in TensorFlow's memory file system (ram://): a worker is sealed before it has seen a byte of the model, so it can
// open no file, and the files come through its socket. Never touches a disk.
import type { AirlockError } from '../core/index.ts';
import type { Pointer } from './libc.ts';
import { loadError, throwOnError } from './status.ts';
import type { TensorFlowLibrary } from './tensorflow-library.ts';

/** TensorFlow opens these whenever an operation asks for them, for example when a vocabulary table is initialised. */
const staysAfterLoad = /^assets\//;

export class RamFiles {
  /** What TensorFlow takes as the model's folder. */
  readonly directory: string;
  readonly #library: TensorFlowLibrary;
  readonly #status: Pointer;
  readonly #handle = Buffer.alloc(8);
  readonly #names: string[] = [];
  #open: { readonly name: string; readonly file: Pointer } | undefined;

  /** @param directory an absolute `ram://` URL that nothing else in this process uses. */
  constructor(library: TensorFlowLibrary, directory: string) {
    this.#library = library;
    this.directory = directory;
    // SAFETY: ours until the process ends; one small object per model.
    this.#status = library.newStatus();
  }

  /**
   * Adds the next bytes of a file, which begins when its name first comes; the bytes are copied. Names have been checked to be plain.
   * @throws MODEL_LOAD_FAILED with TensorFlow's message as `detail`.
   */
  append(name: string, bytes: Uint8Array): void {
    if (this.#open?.name !== name) {
      this.finish();
      this.#open = { name, file: this.#create(name) };
    }
    if (bytes.byteLength === 0) return;
    // SAFETY: the file is open; TensorFlow copies byteLength bytes of a buffer that lives through the call.
    this.#library.appendWritableFile(this.#open.file, bytes, bytes.byteLength, this.#status);
    this.#check();
  }

  #create(name: string): Pointer {
    // SAFETY: koffi copies the name; TensorFlow writes one pointer into the handle's 8 bytes, or sets the status.
    this.#library.newWritableFile(this.#path(name), this.#handle, this.#status);
    this.#check();
    this.#names.push(name);
    return this.#handle.readBigUInt64LE(0);
  }

  /** Ends the file that was written last. @throws MODEL_LOAD_FAILED. */
  finish(): void {
    if (this.#open === undefined) return;
    const { file } = this.#open;
    this.#open = undefined;
    // SAFETY: the handle was open and is forgotten before the call, which frees it.
    this.#library.closeWritableFile(file, this.#status);
    this.#check();
  }

  /** Frees what a loaded model does not read any more: the graph and the checkpoint, whose values are in its variables now. */
  deleteLoaded(): void {
    for (const name of this.#names) {
      if (staysAfterLoad.test(name)) continue;
      // SAFETY: koffi copies the name; nothing has the file open.
      this.#library.deleteFile(this.#path(name), this.#status);
      this.#check();
    }
  }

  #path(name: string): string {
    return `${this.directory}/${name}`;
  }

  #check(): void {
    throwOnError(this.#library, this.#status, (_code: number, message: string): AirlockError => loadError(message));
  }
}
