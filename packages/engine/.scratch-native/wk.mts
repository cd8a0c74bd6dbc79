import * as tf from '@tensorflow/tfjs-core';
import { useBackend } from '../src/backend/index.ts';
const cases: Record<string, () => tf.Tensor> = {
 gather: () => tf.grad((x)=>tf.sum(tf.mul(tf.gather(x as tf.Tensor2D,tf.tensor1d([2,0,2],'int32')), tf.tensor2d([[1,2],[3,4],[5,6]]))))(tf.tensor2d([[1,2],[3,4],[5,6]])),
 gatherAxis1: () => tf.grad((x)=>tf.sum(tf.square(tf.gather(x as tf.Tensor2D,tf.tensor1d([1,1],'int32'),1))))(tf.tensor2d([[1,2],[3,4],[5,6]])),
 gather2d: () => tf.grad((x)=>tf.sum(tf.square(tf.gather(x as tf.Tensor2D,tf.tensor2d([[1,1],[0,2]],[2,2],'int32')))))(tf.tensor2d([[1,2],[3,4],[5,6]])),
 einsum: () => tf.einsum('bij,bjk->bik', tf.range(0,12).reshape?.([2,2,3]) ?? tf.reshape(tf.range(0,12),[2,2,3]), tf.reshape(tf.range(0,12),[2,3,2])),
 einsum1: () => tf.einsum('ij->ji', tf.reshape(tf.range(0,6),[2,3])),
 einsum2: () => tf.einsum('ij->', tf.reshape(tf.range(0,6),[2,3])),
 einsumT: () => tf.einsum('abc,dbc->da', tf.reshape(tf.range(0,12),[2,2,3]), tf.reshape(tf.range(0,18),[3,2,3])),
 einsumId: () => tf.einsum('ij->ij', tf.reshape(tf.range(0,6),[2,3])),
 einsumOuter: () => tf.einsum('i,j->ij', tf.range(0,3), tf.range(1,3)),
 einsumG: () => tf.grad((x)=>tf.sum(tf.square(tf.einsum('bij,bjk->bik', x, tf.reshape(tf.range(0,12),[2,3,2])))))(tf.reshape(tf.range(0,12),[2,2,3])),
 bandPart: () => tf.linalg.bandPart(tf.ones([3,3]), 1, 0),
 bandPartG: () => tf.grad((x)=>tf.sum(tf.square(tf.linalg.bandPart(x, 1, 0))))(tf.ones([3,3])),
 gatherND: () => tf.grad((x)=>tf.sum(tf.square(tf.gatherND(x, tf.tensor2d([[0,1],[2,1]],[2,2],'int32')))))(tf.tensor2d([[1,2],[3,4],[5,6]])),
 cumsumG: () => tf.grad((x)=>tf.sum(tf.square(tf.cumsum(x,1))))(tf.tensor2d([[1,2],[3,4],[5,6]])),
 maxG: () => tf.grad((x)=>tf.sum(tf.square(tf.max(x,1))))(tf.tensor2d([[1,2],[3,4],[5,6]])),
 erfG: () => tf.grad((x)=>tf.sum(tf.erf(x)))(tf.tensor1d([.1,.2])),
 softplusG: () => tf.grad((x)=>tf.sum(tf.softplus(x)))(tf.tensor1d([.1,.2])),
 rsqrtG: () => tf.grad((x)=>tf.sum(tf.rsqrt(x)))(tf.tensor1d([.1,.2])),
 tileG: () => tf.grad((x)=>tf.sum(tf.square(tf.tile(x,[2,3]))))(tf.tensor2d([[1,2],[3,4]])),
 stackG: () => tf.grad((x)=>tf.sum(tf.square(tf.stack([x,x],1))))(tf.tensor2d([[1,2],[3,4]])),
 unstackG: () => tf.grad((x)=>tf.square(tf.sum(tf.unstack(x)[1]!)))(tf.tensor2d([[1,2],[3,4]])),
 splitG: () => tf.grad((x)=>tf.square(tf.sum(tf.split(x,2,1)[1]!)))(tf.tensor2d([[1,2],[3,4]])),
 sliceG: () => tf.grad((x)=>tf.square(tf.sum(tf.slice(x,[0,1],[2,1]))))(tf.tensor2d([[1,2],[3,4]])),
 prodG: () => tf.grad((x)=>tf.sum(tf.prod(x,1)))(tf.tensor2d([[1,2],[3,4]])),
 logSumExpG: () => tf.grad((x)=>tf.sum(tf.logSumExp(x,1)))(tf.tensor2d([[1,2],[3,4]])),
 topk: () => tf.topk(tf.tensor2d([[1,5,2],[7,3,4]]),2).values,
 oneHot: () => tf.cast(tf.oneHot(tf.tensor1d([1,0],'int32'),3),'float32'),
 minimumG: () => tf.grad((x)=>tf.sum(tf.minimum(x,1.5)))(tf.tensor2d([[1,2],[3,4]])),
 clipG: () => tf.grad((x)=>tf.sum(tf.clipByValue(x,1.5,3.5)))(tf.tensor2d([[1,2],[3,4]])),
 tanhG: () => tf.grad((x)=>tf.sum(tf.tanh(x)))(tf.tensor2d([[1,2],[3,4]])),
 whereG: () => tf.grad((x)=>tf.sum(tf.where(tf.greater(x,2),tf.square(x),tf.zerosLike(x))))(tf.tensor2d([[1,2],[3,4]])),
 meanVar: () => tf.grad((x)=>tf.sum(tf.mul(x,tf.moments(x,-1,true).variance)))(tf.tensor2d([[1,2],[3,4]])),
 log1p: () => tf.grad((x)=>tf.sum(tf.add(tf.log1p(x),tf.expm1(x))))(tf.tensor1d([.1,.2])),
 segsum: () => tf.unsortedSegmentSum(tf.tensor2d([[1,2],[3,4],[5,6]]), tf.tensor1d([1,-1,1],'int32'), 3),
 sqrtG: () => tf.grad((x)=>tf.sum(tf.sqrt(x)))(tf.tensor1d([.1,.2])),
 argMax: () => tf.cast(tf.argMax(tf.tensor2d([[1,5,2],[7,3,4]]),1),'float32'),
 cos: () => tf.grad((x)=>tf.sum(tf.add(tf.cos(x),tf.sin(x))))(tf.tensor1d([.1,.2])),
 sigmoidG: () => tf.grad((x)=>tf.sum(tf.sigmoid(x)))(tf.tensor1d([.1,.2])),
 powG: () => tf.grad((x)=>tf.sum(tf.pow(x,3)))(tf.tensor1d([.1,.2])),
 absG: () => tf.grad((x)=>tf.sum(tf.abs(x)))(tf.tensor1d([.1,-.2])),
 scatter: () => tf.scatterND(tf.tensor2d([[1],[3]],[2,1],'int32'), tf.tensor1d([5,6]), [4]),
 reverseG: () => tf.grad((x)=>tf.sum(tf.mul(tf.reverse(x,0),tf.tensor1d([1,2]))))(tf.tensor1d([.1,-.2])),
 padG: () => tf.grad((x)=>tf.sum(tf.square(tf.pad(x,[[1,2]]))))(tf.tensor1d([.1,-.2])),
 conv1dG: () => tf.grad((x)=>tf.sum(tf.square(tf.conv1d(x as tf.Tensor3D,tf.ones([2,1,1]),1,'valid'))))(tf.ones([1,4,1])),
};
const ref: Record<string,string> = {};
for (const b of ['cpu','wasm','tensorflow'] as const) {
  await useBackend(b, {install:false});
  for (const [k,f] of Object.entries(cases)) {
    let r: string; const n=tf.memory().numTensors;
    try { r = tf.tidy(()=>JSON.stringify([f().shape,[...f().dataSync()].map(v=>+v.toPrecision(4))])); } catch (e) { r = 'ERR '+(e as Error).message.slice(0,110); }
    if (b==='cpu') { ref[k]=r; if (r.startsWith('ERR')) console.log('cpu',k,r);} else if (r!==ref[k]) console.log(b,k,r,'cpu:',ref[k]);
    if (tf.memory().numTensors!==n) console.log('leak',b,k);
  }
}
console.log(process.listenerCount('uncaughtException'),process.listenerCount('unhandledRejection'));
