// Replays recorded requests, one JSON body per line, through the server's own decoder and then a compiled contract. What a body says is
// never shown beyond what an answer of the server would show.
import { type Contract, compileContract, type ElementPath } from '../../contract/index.ts';
import { AirlockError, isAirlockError, printable } from '../../core/index.ts';
import { defaultJsonLimits, PredictDecoder, type PredictRequest, type Signature } from '../../tensor/index.ts';
import { isBlank, linesOf, type SourceFile } from '../datasets/index.ts';
import { type CheckReport, CheckTally } from './check-report.ts';

export interface CheckRequestsOptions {
  /** Requests to check; default all. */
  readonly limit?: number;
}

/** @throws DATASET_INVALID when the file cannot be read; CONTRACT_MISMATCH when contract and model do not belong together. */
export async function checkRequests(
  contract: Contract,
  signatures: readonly Signature[],
  file: SourceFile,
  options: CheckRequestsOptions = {},
): Promise<CheckReport> {
  const compiled = compileContract(contract, signatures);
  const tally = new CheckTally();
  for await (const line of linesOf(file.pieces(), defaultJsonLimits.maxBodyBytes)) {
    if (isBlank(line)) continue;
    if (tally.records === options.limit) break;
    tally.records++;
    try {
      const request = decode(line, signatures);
      const checks = compiled.signature(request.signature.name);
      if (checks === undefined) throw new AirlockError('SIGNATURE_NOT_FOUND');
      const { findings, imageJobs } = checks.checkInputs(request.tensors, pathsOf(request), { draw: 0 });
      tally.imagesToDecode += imageJobs.length;
      if (findings.counts.size > 0) tally.add(findings, `request ${tally.records}`);
    } catch (thrown) {
      if (!isAirlockError(thrown)) throw thrown;
      tally.refused++;
      tally.addUndecodable(thrown.code);
    }
  }
  return tally.report(file.name);
}

function decode(body: Buffer, signatures: readonly Signature[]): PredictRequest {
  const decoder = new PredictDecoder({
    limits: defaultJsonLimits,
    sizeHint: body.length,
    shapes: 'strict',
    // What the contract says of NaN is the contract's to say.
    allowNonFinite: true,
    hasChoice: signatures.length > 1,
    signature: (name) => {
      const found = signatures.find((signature) => signature.name === name);
      if (found === undefined || found.unsupported !== undefined) throw new AirlockError('SIGNATURE_NOT_FOUND');
      return found;
    },
  });
  decoder.push(body);
  return decoder.finish();
}

function pathsOf({ signature, tensors }: PredictRequest): ElementPath[] {
  return tensors.map((tensor, index): ElementPath => {
    const name = printable(signature.inputs[index].alias);
    const perRow = tensor.shape.slice(1).reduce((product, size) => product * size, 1);
    return (at) => {
      if (at === undefined || tensor.shape.length === 0) return name;
      const row = Math.floor(at / Math.max(1, perRow));
      return tensor.shape.length === 1 ? `${name}[${row}]` : `${name}[${row}][${at % perRow}]`;
    };
  });
}
