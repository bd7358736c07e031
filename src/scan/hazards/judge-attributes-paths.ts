// Operations that are harmless except with certain values of an attribute: printing to a file, debugging to a URL, descriptors from a file.
import type { Severity } from '../../core/index.ts';
import type { Body } from '../graph/index.ts';
import type { Case, OpRisk } from './hazard-types.ts';
import { judgePath } from './judge-paths.ts';
import { stringAttr, stringListAttr } from './node-facts.ts';
import { fileRisks } from './op-risks-files.ts';
import { named, reportHazard } from './report-hazard.ts';

function riskOf(op: string): OpRisk | undefined {
  return fileRisks.find(({ ops }) => ops.includes(op));
}

/** PrintV2 appends to a file where output_stream is a file:// URL; anything else is a stream of the process. */
export function judgePrint(c: Case, body: Body, node: number): void {
  const stream = stringAttr(body, node, 'output_stream') ?? '';
  if (!stream.toLowerCase().startsWith('file:')) return;
  reportHazard(c, body, node, {
    ruleId: 'file-write/print',
    severity: 'critical',
    message: `${named(body, node)} appends to the file ${stream}`,
    argument: { name: 'output_stream', value: stream, origin: 'constant-outside' },
  });
}

function urlHazard(url: string): { readonly ruleId: string; readonly severity: Severity; readonly verb: string } {
  const scheme = url.slice(0, Math.max(0, url.indexOf('://'))).toLowerCase();
  if (scheme === 'file') return { ruleId: 'file-write/debug', severity: 'critical', verb: 'writes the tensors that pass it to' };
  if (scheme === 'grpc' || scheme === 'grpcs') {
    return { ruleId: 'network/debug', severity: 'critical', verb: 'sends the tensors that pass it to' };
  }
  return { ruleId: 'network/debug', severity: 'medium', verb: 'hands the tensors that pass it to' };
}

/** Operations of the debugger: each URL gets a copy of what passes. */
export function judgeDebug(c: Case, body: Body, node: number): void {
  const attr = ['debug_urls', 'debug_ops_spec'].find((name) => stringListAttr(body, node, name).length > 0);
  if (attr === undefined) return;
  const specs = stringListAttr(body, node, attr);
  // A spec is `DebugIdentity;file:///tmp/x;0`.
  const urls = specs
    .map((spec) => spec.split(';').find((part) => part.includes('://')) ?? spec)
    .filter((url) => url.includes('://'));
  const url = urls.find((one) => one.toLowerCase().startsWith('file:')) ?? urls[0];
  if (url === undefined) return;
  const { ruleId, severity, verb } = urlHazard(url);
  reportHazard(c, body, node, {
    ruleId,
    severity,
    message: `${named(body, node)} ${verb} ${url}`,
    argument: {
      name: attr,
      value: urls.join(' '),
      origin: url.toLowerCase().startsWith('file:') ? 'constant-outside' : 'remote',
    },
  });
}

/** DecodeProtoV2 and EncodeProto: `local://` and `bytes://` stay in the process. */
export function judgeDescriptors(c: Case, body: Body, node: number): void {
  const source = stringAttr(body, node, 'descriptor_source') ?? '';
  if (source === '' || source.startsWith('local://') || source.startsWith('bytes://')) return;
  const risk = riskOf(body.op(node));
  if (risk !== undefined) judgePath(c, body, node, risk);
}

/** DumpTensor's path is in two attributes, and it can be switched off. */
export function judgeDump(c: Case, body: Body, node: number): void {
  const folder = stringAttr(body, node, 'log_dir_path') ?? '';
  const file = stringAttr(body, node, 'file_name') ?? '';
  const path = [folder, file].filter((part) => part !== '').join('/');
  reportHazard(c, body, node, {
    ruleId: 'file-write/op',
    severity: 'critical',
    message: `${named(body, node)} dumps a tensor to ${path === '' ? 'a file' : path}`,
    argument: { name: 'log_dir_path', value: path, origin: 'constant-outside' },
  });
}
