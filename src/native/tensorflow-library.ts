// TensorFlow's C API, bound by name from the two libraries of an installed slot. Nothing is called here but TF_Version.
// Never searches for libraries: the caller has verified the slot and names both files.

import koffi from 'koffi';
import { AirlockError, printable } from '../core/index.ts';
import { type Pointer, pinLibrary } from './libc.ts';

/** A pointer argument: an address, a buffer that lives through the call, or nothing. */
export type PointerArgument = Pointer | Uint8Array | null;

/** The part of tensorflow/c/c_api.h and tensorflow/c/env.h that Airlock uses; the same in every version from 2.12 to 2.21. */
export interface TensorFlowLibrary {
  readonly version: string;
  readonly newStatus: () => Pointer;
  readonly deleteStatus: (status: Pointer) => void;
  readonly setStatus: (status: Pointer, code: number, message: string) => void;
  readonly getCode: (status: Pointer) => number;
  readonly message: (status: Pointer) => string;
  readonly newGraph: () => Pointer;
  readonly deleteGraph: (graph: Pointer) => void;
  readonly newSessionOptions: () => Pointer;
  readonly deleteSessionOptions: (options: Pointer) => void;
  readonly setConfig: (options: Pointer, proto: Uint8Array, byteLength: number, status: Pointer) => void;
  readonly loadSavedModel: (
    options: Pointer,
    runOptions: null,
    directory: string,
    tags: readonly string[],
    tagCount: number,
    graph: Pointer,
    metaGraph: null,
    status: Pointer,
  ) => Pointer | null;
  readonly closeSession: (session: Pointer, status: Pointer) => void;
  readonly deleteSession: (session: Pointer, status: Pointer) => void;
  readonly operationByName: (graph: Pointer, name: string) => Pointer | null;
  readonly operationNumOutputs: (operation: Pointer) => number;
  /** TF_Output by value: a pointer and an int, which both calling conventions pass in the registers of two arguments. */
  readonly operationOutputType: (operation: Pointer, index: number) => number;
  readonly allocateTensor: (dtype: number, dims: Uint8Array, rank: number, byteLength: number) => Pointer | null;
  readonly newTensor: (
    dtype: number,
    dims: Uint8Array,
    rank: number,
    data: Pointer,
    byteLength: number,
    deallocator: Pointer,
    argument: null,
  ) => Pointer | null;
  readonly deleteTensor: (tensor: Pointer) => void;
  readonly tensorData: (tensor: Pointer) => Pointer | null;
  readonly tensorByteSize: (tensor: Pointer) => number;
  readonly tensorType: (tensor: Pointer) => number;
  readonly numDims: (tensor: Pointer) => number;
  readonly dim: (tensor: Pointer, index: number) => number;
  /** Writes the new file's handle into `handle`, 8 bytes. */
  readonly newWritableFile: (name: string, handle: Uint8Array, status: Pointer) => void;
  readonly appendWritableFile: (file: Pointer, bytes: Uint8Array, byteLength: number, status: Pointer) => void;
  /** Frees the handle too. */
  readonly closeWritableFile: (file: Pointer, status: Pointer) => void;
  readonly deleteFile: (name: string, status: Pointer) => void;
  readonly newBuffer: () => Pointer;
  readonly deleteBuffer: (buffer: Pointer) => void;
  readonly sessionRun: (
    session: Pointer,
    runOptions: PointerArgument,
    inputs: PointerArgument,
    inputValues: PointerArgument,
    inputCount: number,
    outputs: PointerArgument,
    outputValues: PointerArgument,
    outputCount: number,
    targets: null,
    targetCount: number,
    runMetadata: Pointer | null,
    status: Pointer,
  ) => void;
}

export interface TensorFlowPaths {
  readonly ccPath: string;
  readonly frameworkPath: string;
}

type Bind = (prototype: string) => (...values: never[]) => unknown;

function binder(paths: TensorFlowPaths): Bind {
  // Framework first and both with global symbols: the C++ library resolves against it, and a second copy would register every
  // kernel twice. Lazy, because the wheels leave symbols unresolved that only Python's module defines.
  const framework = koffi.load(paths.frameworkPath, { global: true, lazy: true });
  const cc = koffi.load(paths.ccPath, { global: true, lazy: true });
  pinLibrary(paths.frameworkPath);
  pinLibrary(paths.ccPath);
  return (prototype) => {
    try {
      return cc.func(prototype);
    } catch {
      // Which of the two defines a function differs between versions; a name that neither has is reported by this call.
      return framework.func(prototype);
    }
  };
}

const prototypes: Readonly<Record<Exclude<keyof TensorFlowLibrary, 'version'>, string>> = {
  newStatus: 'void* TF_NewStatus()',
  deleteStatus: 'void TF_DeleteStatus(void*)',
  setStatus: 'void TF_SetStatus(void*, int, const char*)',
  getCode: 'int TF_GetCode(void*)',
  message: 'const char* TF_Message(void*)',
  newGraph: 'void* TF_NewGraph()',
  deleteGraph: 'void TF_DeleteGraph(void*)',
  newSessionOptions: 'void* TF_NewSessionOptions()',
  deleteSessionOptions: 'void TF_DeleteSessionOptions(void*)',
  setConfig: 'void TF_SetConfig(void*, const void*, size_t, void*)',
  loadSavedModel: 'void* TF_LoadSessionFromSavedModel(void*, void*, const char*, const char**, int, void*, void*, void*)',
  closeSession: 'void TF_CloseSession(void*, void*)',
  deleteSession: 'void TF_DeleteSession(void*, void*)',
  operationByName: 'void* TF_GraphOperationByName(void*, const char*)',
  operationNumOutputs: 'int TF_OperationNumOutputs(void*)',
  operationOutputType: 'int TF_OperationOutputType(void*, int)',
  allocateTensor: 'void* TF_AllocateTensor(int, const void*, int, size_t)',
  newTensor: 'void* TF_NewTensor(int, const void*, int, void*, size_t, void*, void*)',
  deleteTensor: 'void TF_DeleteTensor(void*)',
  tensorData: 'void* TF_TensorData(void*)',
  tensorByteSize: 'size_t TF_TensorByteSize(void*)',
  tensorType: 'int TF_TensorType(void*)',
  numDims: 'int TF_NumDims(void*)',
  dim: 'int64_t TF_Dim(void*, int)',
  newWritableFile: 'void TF_NewWritableFile(const char*, void*, void*)',
  appendWritableFile: 'void TF_AppendWritableFile(void*, const void*, size_t, void*)',
  closeWritableFile: 'void TF_CloseWritableFile(void*, void*)',
  deleteFile: 'void TF_DeleteFile(const char*, void*)',
  newBuffer: 'void* TF_NewBuffer()',
  deleteBuffer: 'void TF_DeleteBuffer(void*)',
  sessionRun:
    'void TF_SessionRun(void*, const void*, const void*, const void*, int, const void*, void*, int, const void*, int, void*, void*)',
};

function bindAll(bind: Bind): TensorFlowLibrary {
  const functions = Object.fromEntries(Object.entries(prototypes).map(([name, prototype]) => [name, bind(prototype)]));
  // SAFETY: TF_Version gives a string constant of the library, which koffi copies.
  const version = (bind('const char* TF_Version()') as () => string)();
  return { ...(functions as unknown as Omit<TensorFlowLibrary, 'version'>), version };
}

/**
 * Loads TensorFlow's two libraries and binds the C API. Takes 0.3 to 1.3 s; the libraries stay until the process ends.
 * @throws RUNTIME_LOAD_FAILED when a file cannot be loaded or lacks a function; `detail` holds the loader's words.
 */
export function loadTensorFlow(paths: TensorFlowPaths): TensorFlowLibrary {
  try {
    return bindAll(binder(paths));
  } catch (thrown) {
    const detail = printable(thrown instanceof Error ? thrown.message : String(thrown), 512);
    throw new AirlockError('RUNTIME_LOAD_FAILED', { detail, cause: thrown });
  }
}
