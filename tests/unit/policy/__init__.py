"""The policy pack: each rule on objects of its own, the whole program under all of them, and the pack as it starts."""
