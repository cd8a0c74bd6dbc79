;; Sums over one row of logits in float32, in double precision. The arithmetic is that of exp-sums.ts, operation
;; by operation: the results are equal bit for bit. $at and $end are addresses of the first logit and behind the
;; last; "range" and "find" read 16 logits at once, "sums" two.
;;
;; Memory: 4096 doubles, the table of exp-sums.ts with `j << 40` taken off the bits of entry j, then the row.

(module
  (memory (export "memory") 17)

  ;; The largest and the smallest logit; NaN is passed over.
  (func (export "range") (param $at i32) (param $end i32) (result f32 f32)
    (local $most v128) (local $least v128)
    (local $a v128) (local $b v128) (local $c v128) (local $d v128)
    (local.set $most (v128.const f32x4 -inf -inf -inf -inf))
    (local.set $least (v128.const f32x4 inf inf inf inf))
    (loop $next
      (local.set $a (v128.load (local.get $at)))
      (local.set $b (v128.load offset=16 (local.get $at)))
      (local.set $c (v128.load offset=32 (local.get $at)))
      (local.set $d (v128.load offset=48 (local.get $at)))
      (local.set $most
        (f32x4.pmax
          (local.get $most)
          (f32x4.pmax
            (f32x4.pmax (local.get $a) (local.get $b))
            (f32x4.pmax (local.get $c) (local.get $d)))))
      (local.set $least
        (f32x4.pmin
          (local.get $least)
          (f32x4.pmin
            (f32x4.pmin (local.get $a) (local.get $b))
            (f32x4.pmin (local.get $c) (local.get $d)))))
      (br_if $next (i32.lt_u (local.tee $at (i32.add (local.get $at) (i32.const 64))) (local.get $end))))
    (f32.max
      (f32.max (f32x4.extract_lane 0 (local.get $most)) (f32x4.extract_lane 1 (local.get $most)))
      (f32.max (f32x4.extract_lane 2 (local.get $most)) (f32x4.extract_lane 3 (local.get $most))))
    (f32.min
      (f32.min (f32x4.extract_lane 0 (local.get $least)) (f32x4.extract_lane 1 (local.get $least)))
      (f32.min (f32x4.extract_lane 2 (local.get $least)) (f32x4.extract_lane 3 (local.get $least)))))

  ;; Where the first 16 logits begin that have a given one among them; $end if none do.
  (func (export "find") (param $at i32) (param $end i32) (param $logit f32) (result i32)
    (local $logits v128)
    (local.set $logits (f32x4.splat (local.get $logit)))
    (loop $next
      (if
        (v128.any_true
          (v128.or
            (v128.or
              (f32x4.eq (v128.load (local.get $at)) (local.get $logits))
              (f32x4.eq (v128.load offset=16 (local.get $at)) (local.get $logits)))
            (v128.or
              (f32x4.eq (v128.load offset=32 (local.get $at)) (local.get $logits))
              (f32x4.eq (v128.load offset=48 (local.get $at)) (local.get $logits)))))
        (then (return (local.get $at))))
      (br_if $next (i32.lt_u (local.tee $at (i32.add (local.get $at) (i32.const 64))) (local.get $end))))
    (local.get $end))

  ;; Sums of exp(-gap) and of exp(-gap) gap, the latter in steps, where gap = $max - logit lies in [0, 600].
  (func (export "sums") (param $at i32) (param $end i32) (param $max f64) (result f64 f64)
    (local $maxes v128) (local $steps v128) (local $t v128) (local $u v128) (local $weight v128)
    (local $sum v128) (local $weighted v128)
    (local.set $maxes (f64x2.splat (local.get $max)))
    (loop $next
      (local.set $steps
        (f64x2.mul
          (f64x2.sub (local.get $maxes) (f64x2.promote_low_f32x4 (v128.load64_zero (local.get $at))))
          (v128.const f64x2 5909.278887481194 5909.278887481194)))
      ;; round(-steps), in the low bits: what is as large as 1.5 * 2^52 has no fraction.
      (local.set $t
        (f64x2.sub (v128.const f64x2 6755399441055744 6755399441055744) (local.get $steps)))
      (local.set $u
        (f64x2.sub
          (f64x2.sub (v128.const f64x2 6755399441059892 6755399441059892) (local.get $t))
          (local.get $steps)))
      (local.set $weight
        (i64x2.add
          (v128.load64_lane 1
            (i32.shl (i32.and (i32x4.extract_lane 2 (local.get $t)) (i32.const 4095)) (i32.const 3))
            (v128.load64_zero
              (i32.shl (i32.and (i32x4.extract_lane 0 (local.get $t)) (i32.const 4095)) (i32.const 3))))
          ;; The low 12 bits have been looked up; those above them belong to the exponent.
          (i64x2.shl (local.get $t) (i32.const 40))))
      (local.set $weight
        (f64x2.mul
          (f64x2.mul
            (local.get $weight)
            (f64x2.add (local.get $u) (v128.const f64x2 5283.530319805846 5283.530319805846)))
          (f64x2.add
            (f64x2.mul (local.get $u) (local.get $u))
            (v128.const f64x2 114063961.75891353 114063961.75891353))))
      (local.set $sum (f64x2.add (local.get $sum) (local.get $weight)))
      (local.set $weighted
        (f64x2.add (local.get $weighted) (f64x2.mul (local.get $weight) (local.get $steps))))
      (br_if $next (i32.lt_u (local.tee $at (i32.add (local.get $at) (i32.const 8))) (local.get $end))))
    (f64.add (f64x2.extract_lane 0 (local.get $sum)) (f64x2.extract_lane 1 (local.get $sum)))
    (f64.add (f64x2.extract_lane 0 (local.get $weighted)) (f64x2.extract_lane 1 (local.get $weighted)))))
