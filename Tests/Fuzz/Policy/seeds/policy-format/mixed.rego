package a.b # c
import data.x as y
default p:=false
p if{ some x,y in {"a":[1,-2]}; not f( x ) with input.z as 5 # d
every k,v in input.m{k>v}
} else:=2 if { x := [q|q:=input[_]] }
t := $"a {  input.b  } c"
r := `raw
  # text`
s contains {1,
 2} if true
