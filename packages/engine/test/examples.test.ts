import * as engine from '@cfrl/engine';
import { testExamples } from '@cfrl/testkit';
import * as tf from '@tensorflow/tfjs-core';

testExamples(new URL('..', import.meta.url), engine, {
  start: () => tf.engine().startScope(),
  end: () => tf.engine().endScope(),
});
