// The operation of the model behind a kernel that TensorFlow chose itself: its graph rewriters replace MatMul by _MklMatMul or _FusedMatMul, and limits name what
// the model has. Knows names only.

/** Public operations whose own names begin with Fused (ops.pbtxt, 2.21); any other `Fused…` came from the remapper and is named after the first of what it fuses. */
const ownFused = /^Fused(?:BatchNorm(?:Grad)?(?:V\d)?|PadConv2D|ResizeAndPadConv2D)$/;

/**
 * `_MklNativeFusedConv2D` becomes `Conv2D`. Names of the executor's own nodes (`_Arg`, `_Retval`, `_SOURCE`, `_Send`) stay as they are, and so does any other.
 * A fused operation counts as the one that costs most of it: `_FusedMatMul` is a MatMul with its BiasAdd and Relu.
 */
export function opOfModel(kernelOp: string): string {
  const rewritten = /^_(Mkl)?(?:Native)?(Fused)?(?=[A-Z])/.exec(kernelOp);
  if (rewritten === null) return kernelOp;
  const [, isMkl, isFused] = rewritten;
  if (isMkl === undefined && isFused === undefined) return kernelOp;
  const rest = kernelOp.slice(rewritten[0].length);
  if (isFused !== undefined && rest === 'BatchNormEx') return 'FusedBatchNormV3';
  const withFused = `Fused${rest}`;
  return isFused !== undefined && ownFused.test(withFused) ? withFused : rest;
}
