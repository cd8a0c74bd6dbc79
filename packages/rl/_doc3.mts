// @ts-nocheck
import { useBackend as __u } from '@cfrl/engine';
import * as __tf from '@tensorflow/tfjs-core';
import {whiten} from '@cfrl/rl';
await __u('cpu');
const __c=(a,b)=>{ if(a instanceof __tf.Tensor) a=a.arraySync(); if(typeof b==='number') return Math.abs(a-b)<=1e-4*Math.max(Math.abs(b),1e-3); if(Array.isArray(b)) return a.length===b.length&&b.every((x,i)=>__c(a[i],x)); if(b&&typeof b==='object') return Object.keys(b).length===Object.keys(a).length&&Object.keys(b).every(k=>__c(a[k],b[k])); return a===b;};
{ const __v=(whiten([1, 2, 3])); if(!__c(__v,([-1, 0, 1]))) { console.log('MISMATCH', JSON.stringify(__v), "[-1, 0, 1]", "/work/main/packages/rl/src/advantages.ts"); } else console.log('ok'); }
