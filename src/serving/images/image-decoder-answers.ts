// Puts the answers of a decoder process together from what comes out of its socket. The bytes are hostile: nothing is taken that nobody has
// asked for, and nothing is allocated beyond what the one answer that is due may have.
import { AirlockError } from '../../core/index.ts';
import { type AnswerHead, answerHeadBytes, readAnswerHead } from '../../decoder/index.ts';

export interface DecoderAnswer extends AnswerHead {
  readonly image: Buffer;
}

export class ImageDecoderAnswers {
  readonly #onAnswer: (answer: DecoderAnswer) => void;
  readonly #headBuffer = Buffer.alloc(answerHeadBytes);
  #headLength = 0;
  #head: AnswerHead | undefined;
  #image = Buffer.alloc(0);
  #imageLength = 0;
  /** Undefined while none is due. */
  #maxImageBytes: number | undefined;

  constructor(onAnswer: (answer: DecoderAnswer) => void) {
    this.#onAnswer = onAnswer;
  }

  /** One answer may come from now on, with at most so many bytes behind its head. */
  expect(maxImageBytes: number): void {
    this.#maxImageBytes = maxImageBytes;
  }

  /** @throws WORKER_PROTOCOL_VIOLATION; nothing may be pushed after that. */
  push(chunk: Buffer): void {
    for (let at = 0; at < chunk.length; ) {
      if (this.#maxImageBytes === undefined)
        throw new AirlockError('WORKER_PROTOCOL_VIOLATION', { detail: 'decoder: bytes that nobody asked for' });
      if (this.#head === undefined) {
        const count = chunk.copy(this.#headBuffer, this.#headLength, at);
        at += count;
        this.#headLength += count;
        if (this.#headLength < answerHeadBytes) return;
        this.#head = readAnswerHead(this.#headBuffer, this.#maxImageBytes);
        this.#image = Buffer.allocUnsafeSlow(this.#head.imageBytes);
        this.#imageLength = 0;
      } else {
        const count = chunk.copy(this.#image, this.#imageLength, at);
        at += count;
        this.#imageLength += count;
      }
      if (this.#imageLength === this.#head.imageBytes) this.#deliver(this.#head);
    }
  }

  #deliver(head: AnswerHead): void {
    const image = this.#image;
    this.#maxImageBytes = undefined;
    this.#head = undefined;
    this.#headLength = 0;
    this.#image = Buffer.alloc(0);
    this.#onAnswer({ ...head, image });
  }
}
