import * as tf from '@tensorflow/tfjs-core';
import { useBackend } from '@cfrl/engine';
await useBackend('tensorflow');
const b: any = tf.backend();
const T = b.binding.TF_ATTR_TYPE, BOOL = b.binding.TF_ATTR_BOOL;
const time = (name: string, f: () => any, n = 300) => { for (let i=0;i<50;i++) tf.dispose(f()); const ts=[]; for (let i=0;i<n;i++){ const t=performance.now(); const r=f(); ts.push(performance.now()-t); tf.dispose(r);} ts.sort((a,b)=>a-b); console.log(name, 'min', (ts[0]!*1000).toFixed(0), 'median', (ts[n>>1]!*1000).toFixed(0), 'us'); };
for (const [m,k,n] of [[256,64,192],[256,64,256],[256,256,64],[1024,64,192],[1024,64,256],[1024,256,64]] as const) {
  const a = tf.randomUniform([m,k]), w = tf.randomUniform([k,n]);
  time(`batch ${m}x${k}x${n}`, () => tf.matMul(a, w));
  time(`MatMul ${m}x${k}x${n}`, () => b.executeSingleOutput('MatMul', [{name:'T', type:T, value:b.binding.TF_FLOAT},{name:'transpose_a',type:BOOL,value:false},{name:'transpose_b',type:BOOL,value:false}], [a,w]));
}
const x = tf.randomUniform([1024,256]), y = tf.randomUniform([256]);
time('add bias 1024x256', () => tf.add(x,y));
time('BiasAdd 1024x256', () => b.executeSingleOutput('BiasAdd', [{name:'T', type:T, value:b.binding.TF_FLOAT}], [x,y]));
time('mul same 1024x256', () => tf.mul(x,x)); time('sigmoid', () => tf.sigmoid(x)); time('tanh', () => tf.tanh(x));
