// How installing and verifying tell what they are doing. The command line draws it; nothing decides by it.

/** `download`: bytes that arrived; `hash`: the wheel; `extract`: unpacked bytes; `verify`: the files of a slot. */
export type RuntimeStep = 'download' | 'hash' | 'extract' | 'verify';

export interface RuntimeProgress {
  readonly step: RuntimeStep;
  readonly doneBytes: number;
  readonly totalBytes: number;
}

export type OnRuntimeProgress = (progress: RuntimeProgress) => void;

/** Returns a function that takes the bytes of each piece and reports the sum; reports 0 at once, so that a step is seen to begin. */
export function countBytes(
  step: RuntimeStep,
  totalBytes: number,
  report: OnRuntimeProgress | undefined,
): (bytes: number) => void {
  let doneBytes = 0;
  report?.({ step, doneBytes, totalBytes });
  return (bytes) => {
    doneBytes += bytes;
    report?.({ step, doneBytes, totalBytes });
  };
}
