"""The style sheet that all screens share; it draws with a theme's variables."""

SHEET = """
*{box-sizing:border-box;min-width:0}.grow,.fill,.clip{min-height:0}
html,body{margin:0;overflow:hidden}
body,.themed{font-family:var(--face);font-size:var(--size);color:var(--ink);
 background:var(--ground);line-height:1.4}
body{position:relative}
svg{flex:none}
.row{display:flex;flex-direction:row}.col{display:flex;flex-direction:column}
.grow{flex:1 1 0}.wrap{flex-wrap:wrap}.middle{align-items:center}.fill{height:100%;width:100%}
.between{justify-content:space-between}.end{justify-content:flex-end}
.gap{gap:var(--gap)}.pad{padding:var(--gap) calc(var(--gap)*1.5)}
.clip{overflow:hidden}.line{white-space:nowrap;overflow:hidden;text-overflow:ellipsis}
.panel{background:var(--panel)}.card{background:var(--panel);border:1px solid var(--line);
 border-radius:var(--radius);padding:calc(var(--gap) + 4px);overflow:hidden}
.muted{color:var(--muted)}.accent{color:var(--accent)}.small{font-size:.85em}.tiny{font-size:.75em}
.big{font-size:1.6em}.huge{font-size:2.3em}
.bold,b{font-weight:700}.mono,code{font-family:var(--mono)}.right{text-align:right}
a{color:var(--accent);text-decoration:underline}.bubble a,.chosen a{color:inherit}
code{background:var(--panel);padding:0 .25em;border-radius:3px;font-size:.95em}
h1,h2,h3{font-family:var(--heading);line-height:1.2;margin:.5em 0 .4em}
h1{font-size:2.1em}h2{font-size:1.5em}h3{font-size:1.15em}
p{margin:0 0 .8em}
.bar{background:var(--panel);border-bottom:1px solid var(--line);
 padding:calc(var(--gap)/2) var(--gap);flex:none;display:flex;align-items:center;
 gap:calc(var(--gap) + 2px);white-space:nowrap;overflow:hidden}
.side{width:var(--side);flex:none;background:var(--panel);border-right:1px solid var(--line);
 overflow:hidden;padding:var(--gap)}
.item{display:flex;align-items:center;gap:8px;min-height:var(--row);padding:0 8px;flex:none;
 border-radius:var(--radius);white-space:nowrap;overflow:hidden}
.chosen{background:var(--accent);color:var(--on)}
.button{display:inline-flex;align-items:center;gap:6px;padding:.25em .9em;white-space:nowrap;
 border:1px solid var(--line);border-radius:var(--radius);background:var(--panel);flex:none}
.primary{background:var(--accent);color:var(--on);border-color:var(--accent)}
.field{border:1px solid var(--muted);border-radius:var(--radius);padding:.3em .6em;
 background:var(--ground);white-space:nowrap;overflow:hidden}
.badge{display:inline-block;border-radius:1em;padding:0 .6em;font-size:.8em;color:var(--onhue);
 flex:none}
.box{display:inline-block;width:1.05em;height:1.05em;border:1.5px solid var(--muted);flex:none;
 border-radius:min(3px,var(--radius))}
.disc{border-radius:50%}
.face{border-radius:50%;display:inline-flex;align-items:center;justify-content:center;color:var(--onhue);
 width:2.4em;height:2.4em;flex:none}
.bubble{padding:.5em .8em;border-radius:calc(var(--radius) + 4px);max-width:70%}
.cell{padding:0 .5em;border-right:1px solid var(--line);border-bottom:1px solid var(--line);
 overflow:hidden;white-space:nowrap;height:var(--row);line-height:var(--row)}
pre{margin:0;font-family:var(--mono);line-height:1.35;white-space:pre;overflow:hidden}
.window{position:absolute;overflow:hidden;display:flex;flex-direction:column;
 background:var(--ground);color:var(--ink)}
"""
