// The images of one request that must be made anew: through the decoder one after the other, in the time and the memory that a request has
// for them. What it holds is given back when the request is over, whatever its end.
import type { ImageJob } from '../../contract/index.ts';
import { AirlockError, violationError } from '../../core/index.ts';
import type { Tensor } from '../../tensor/index.ts';
import type { ContractGuard } from '../contract-guard.ts';
import { replaceStrings } from '../replace-strings.ts';

/** Small files become large ones when they are made anew, and no limit on the body would see that. */
const maxImageBytes = 64 * 1024 * 1024;

export class RequestImages {
  readonly #guard: ContractGuard;
  #bytes = 0;

  constructor(guard: ContractGuard) {
    this.#guard = guard;
  }

  /**
   * The tensors with the images that the jobs made of theirs.
   * @throws DEADLINE_EXCEEDED, TENSOR_TOO_LARGE, SERVER_OVERLOADED, and what the decoder throws.
   */
  async make(tensors: readonly Tensor[], jobs: readonly ImageJob[]): Promise<readonly Tensor[]> {
    const { images, imagesTimeoutMs, clock } = this.#guard;
    const endMs = clock() + imagesTimeoutMs;
    const made = new Map<number, Map<number, Uint8Array>>();
    // A request with many images must not fill the decoder's queue for everybody.
    for (const job of jobs) {
      const timeoutMs = endMs - clock();
      if (timeoutMs <= 0) throw new AirlockError('DEADLINE_EXCEEDED');
      const image = await images.decode(job, encodedImage(tensors, job), { owner: this.#guard, timeoutMs });
      if (clock() > endMs) throw new AirlockError('DEADLINE_EXCEEDED');
      if (this.#bytes + image.length > maxImageBytes) throw imagesTooLarge(job);
      images.held.take(image.length);
      this.#bytes += image.length;
      const elements = made.get(job.tensorIndex) ?? new Map<number, Uint8Array>();
      made.set(job.tensorIndex, elements.set(job.elementIndex, image));
    }
    return tensors.map((tensor, index) => replaceStrings(tensor, made.get(index)));
  }

  /** The request is over, and nobody holds its images any more. Once. */
  release(): void {
    this.#guard.images.held.give(this.#bytes);
  }
}

function encodedImage(tensors: readonly Tensor[], { tensorIndex, elementIndex }: ImageJob): Uint8Array {
  const tensor = tensors[tensorIndex];
  if (tensor.dtype !== 'DT_STRING') throw new AirlockError('INTERNAL');
  return tensor.bytes.subarray(tensor.offsets[elementIndex], tensor.offsets[elementIndex + 1]);
}

function imagesTooLarge({ path }: ImageJob): AirlockError {
  const expected = `images that are at most ${maxImageBytes} bytes in all when they are made anew`;
  return violationError('TENSOR_TOO_LARGE', { path, rule: 'maxImageBytes', expected, got: 'more' });
}
