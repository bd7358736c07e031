// Finds which native functions a StableHLO module calls, in the text form and in MLIR bytecode. The bytecode keeps its strings in one section,
// each ended by a zero byte; which of them is the target of which call cannot be told without the dialect, so known names are told apart and a
// module with custom calls and no known target is said to call something unknown. Never parses more than it must: the bytes are hostile.
import type { Severity } from '../../core/index.ts';

export interface ModuleCall {
  readonly target: string;
  /** Undefined when the target is part of XLA and only moves or annotates data. */
  readonly severity: Severity | undefined;
}

// Annotations and library routines that XLA itself or JAX's exports use for numbers only.
const harmless =
  /^(?:Sharding|SPMD\w*|AllocateBuffer|stablehlo\.[\w.]+|mhlo\.[\w.]+|chlo\.[\w.]+|annotate_device_placement|LayoutConstraint|TopK|ApproxTopK|PartialReduce|MoveToHost|MoveToDevice|(?:lapack|blas|cublas|cusolver|cudnn|cusparse|hipsolver|rocsolver|cu_threefry|hip_threefry)[\w.$]*|__(?:cublas|cudnn|cusparse|onednn)\$[\w.$]+|ducc_fft|dynamic_ducc_fft|Qr|Eigh|ProductOfElementaryHouseholders|tpu_custom_call|shape_assertion|ResizeNearest|ResizeBilinear\w*|cu_lu_pivots\w*|InspectSharding|xla\.sdy\.\w+|quantization\w*|tf\.(?:quant|sharding)\w*|odml\.\w+|tfl?\.ResizeB\w+|Householder\w+)$/;
const pythonCall = /(?:python|py)_?\w*callback|PyClient|xla_python|pure_callback|io_callback|host_callback/i;
const functionCall = /^tf\.call_tf_function$/;
const textTarget = /custom_call\s{0,4}@"?([\w.$:-]{1,200})|call_target_name\s{0,4}=\s{0,4}"([^"\n]{1,200})"/g;
const word = /^[A-Za-z_][\w.$:-]{2,199}$/;
// Names that bytecode and text have besides targets: operations with their version, attributes, locations.
const vocabulary =
  /_v\d+$|^(?:main|vhlo|stablehlo|builtin|func|custom_call|chlo|mhlo|sdy|arith|jax|private|public|backend_config|api_version|has_side_effect|call\w*|called_computations|operand_layouts|result_layouts|output_operand_aliases|function_type|sym_name|sym_visibility|arg_attrs|res_attrs|StableHLO.*|MLIR.*|jit\w*|loc\w*|module|unknown|tf)$|\.(?:py|mlir|cc)$/;
const maxModuleBytes = 64 * 1024 * 1024;
const maxTargets = 50;

function severityOf(target: string): Severity | undefined {
  if (pythonCall.test(target)) return 'high';
  if (functionCall.test(target)) return 'medium';
  return harmless.test(target) ? undefined : 'high';
}

function textCalls(text: string): readonly string[] {
  const targets: string[] = [];
  for (const match of text.matchAll(textTarget)) {
    const target = match[1] ?? match[2];
    if (target !== undefined && !targets.includes(target)) targets.push(target);
    if (targets.length === maxTargets) break;
  }
  return targets;
}

/** The native functions that a module may call, each once. Empty when it makes no custom call. */
export function moduleCalls(bytes: Uint8Array): readonly ModuleCall[] {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, Math.min(bytes.byteLength, maxModuleBytes));
  if (!buffer.includes('custom_call') && !buffer.includes('call_target_name')) return [];
  const text = buffer.toString('latin1');
  const spelled = textCalls(text);
  if (spelled.length > 0) return spelled.map((target) => ({ target, severity: severityOf(target) }));
  const words = new Set<string>();
  for (const part of text.split('\0')) {
    const last = part.slice(Math.max(0, part.length - 200));
    const name = /[\w.$:-]+$/.exec(last)?.[0] ?? '';
    if (word.test(name) && !vocabulary.test(name)) words.add(name);
    if (words.size > 2000) break;
  }
  const python = [...words].filter((name) => pythonCall.test(name) || functionCall.test(name));
  if (python.length > 0) return python.slice(0, maxTargets).map((target) => ({ target, severity: severityOf(target) }));
  const known = [...words].filter((name) => harmless.test(name));
  if (known.length > 0) return known.slice(0, maxTargets).map((target) => ({ target, severity: undefined }));
  const others = [...words].slice(0, 5);
  return [{ target: others.length === 0 ? 'unknown' : `one of ${others.join(', ')}`, severity: 'high' }];
}
