# Completion for bash, and for zsh through its bashcompinit. The program itself says what its words can become; here they
# are only put together again where the shell parted them, at = and :.
_mfld() {
  local words=() word before="" i
  for ((i = 1; i <= COMP_CWORD; ++i)); do
    word=${COMP_WORDS[i]}
    if ((${#words[@]})) && [[ $word == [=:]* || $before == [=:] ]]; then
      words[-1]+=$word
    else
      words+=("$word")
    fi
    before=$word
  done
  local typed=${words[-1]} parted=${COMP_WORDS[COMP_CWORD]}
  [[ $parted == [=:]* ]] && parted=""
  COMPREPLY=()
  while IFS= read -r word; do
    COMPREPLY+=("${word#"${typed%"$parted"}"}")
  done < <("${COMP_WORDS[0]/#\~\//$HOME/}" complete "${words[@]}" 2>/dev/null)
  if [[ ${#COMPREPLY[@]} == 1 && ${COMPREPLY[0]} == *[=/] ]]; then
    compopt -o nospace 2>/dev/null
  fi
}
complete -o bashdefault -o default -F _mfld mfld
