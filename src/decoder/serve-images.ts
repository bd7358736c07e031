// The life of a decoder: it answers one image after another until the server closes the socket. It reads and writes by blocking calls;
// in between it waits in Node's event loop for libvips, which works on a thread of its own.
import { readSync, writeSync } from 'node:fs';
import { decodeImage } from './decode-image.ts';
import { type AnswerKind, encodeAnswerHead, readDecodeRequest, requestHeadBytes } from './messages.ts';

/** Exactly `byteLength` bytes; undefined when the socket ends before. */
function readBytes(fd: number, byteLength: number): Buffer | undefined {
  const bytes = Buffer.allocUnsafeSlow(byteLength);
  for (let at = 0; at < byteLength; ) {
    const count = readSync(fd, bytes, at, byteLength - at, null);
    if (count === 0) return undefined;
    at += count;
  }
  return bytes;
}

function writeBytes(fd: number, bytes: Uint8Array): void {
  for (let at = 0; at < bytes.length; ) at += writeSync(fd, bytes, at, bytes.length - at);
}

function answer(fd: number, kind: AnswerKind, image: Uint8Array): void {
  writeBytes(fd, encodeAnswerHead({ kind, imageBytes: image.length }));
  writeBytes(fd, image);
}

const nothing = new Uint8Array();

/** Says that it is ready, then serves until the socket ends. @throws WORKER_PROTOCOL_VIOLATION; a system error when the socket breaks. */
export async function serveImages(fd: number): Promise<void> {
  answer(fd, 'ready', nothing);
  for (;;) {
    const head = readBytes(fd, requestHeadBytes);
    if (head === undefined) return;
    const request = readDecodeRequest(head);
    const bytes = readBytes(fd, request.imageBytes);
    if (bytes === undefined) return;
    const image = await decodeImage(request, bytes);
    if (image === undefined) answer(fd, 'undecodable', nothing);
    else answer(fd, 'image', image);
  }
}
