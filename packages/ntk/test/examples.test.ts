import * as ntk from '@cfrl/ntk';
import { testExamples } from '@cfrl/testkit';
import * as tf from '@tensorflow/tfjs-core';

testExamples(new URL('..', import.meta.url), ntk, {
  start: () => tf.engine().startScope(),
  end: () => tf.engine().endScope(),
});
