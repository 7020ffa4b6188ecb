package document

// scriptClass is what is known of a word in a script.
type scriptClass byte

const (
	// scriptWords belong to the language.
	scriptWords scriptClass = 1 << iota
	// scriptConstants of them are values.
	scriptConstants
	// scriptRoots are objects that must not be passed on.
	scriptRoots
	// scriptFunctions may be called, and nothing else.
	scriptFunctions
	// scriptMethods may be called behind a dot, and nothing else.
	scriptMethods
	// scriptDenied are functions and objects of viewers which reach files, the
	// net or code, and those known from attacks: no script may call its own
	// names so.
	scriptDenied
)

// scriptClassOf is the vocabulary, from ECMA-262 and Adobe's JavaScript for
// Acrobat API Reference.
func scriptClassOf(word string) scriptClass {
	switch word {
	case "break", "case", "catch", "continue", "default", "delete", "do", "else", "finally", "for", "function", "if", "in",
		"instanceof", "new", "return", "switch", "throw", "try", "typeof", "var", "void", "while", "let", "const":
		return scriptWords
	case "false", "null", "true", "undefined", "NaN", "Infinity":
		return scriptWords | scriptConstants
	case "this", "event", "app", "Math", "color", "style", "border", "display", "position", "font", "zoomtype", "cursor",
		"highlight", "scaleHow", "scaleWhen", "trans", "console", "xfa", "util":
		return scriptRoots
	case "parseInt", "parseFloat", "isNaN", "isFinite", "Number", "String", "Boolean", "Date", "Array", "Object", "RegExp",
		"Error":
		return scriptFunctions
	case "alert", "print", "printd", "getField", "resetForm", "calculateNow":
		return scriptFunctions | scriptMethods
	case "beep", "println", "clear", "toString", "toFixed", "toPrecision", "toUpperCase", "toLowerCase", "charAt", "indexOf",
		"lastIndexOf", "substring", "substr", "slice", "split", "join", "push", "pop", "shift", "concat", "replace", "match",
		"test", "search", "trim", "abs", "ceil", "floor", "round", "max", "min", "pow", "sqrt", "random", "exp", "log", "sin",
		"cos", "tan", "getFullYear", "getYear", "getMonth", "getDate", "getDay", "getHours", "getMinutes", "getSeconds",
		"getTime", "setFullYear", "setMonth", "setDate", "setHours", "setMinutes", "setSeconds", "setTime", "toLocaleString",
		"toDateString", "valueOf", "getUTCFullYear", "getUTCMonth", "getUTCDate", "setFocus", "popUpMenu", "popUpMenuEx",
		"getArray", "clearItems", "insertItemAt", "deleteItemAt", "getItemAt", "setItems", "isBoxChecked", "checkThisBox",
		"defaultIsChecked", "isDefaultChecked", "buttonSetCaption", "buttonGetCaption", "scroll", "gotoNamedDest", "equal",
		"convert", "execCalculate", "execValidate", "scand", "getNthFieldName", "bringToFront", "messageBox", "resetData",
		"pageCount":
		return scriptMethods
	case "eval", "Function", "unescape", "escape", "decodeURI", "decodeURIComponent", "encodeURI", "encodeURIComponent",
		"fromCharCode", "charCodeAt", "constructor", "prototype", "__proto__", "apply", "call", "bind", "arguments", "callee",
		"caller", "setAction", "launchURL", "getURL", "submitForm", "mailDoc", "mailMsg", "mailForm", "mailGetAddrs", "openDoc",
		"newDoc", "exportDataObject", "importDataObject", "createDataObject", "openDataObject", "getDataObject",
		"getDataObjectContents", "setDataObjectContents", "removeDataObject", "dataObjects", "exportAsFDF", "exportAsXFDF",
		"exportAsText", "exportXFAData", "importAnFDF", "importAnXFDF", "importTextData", "importXFAData", "importIcon",
		"getIcon", "addIcon", "icons", "saveAs", "closeDoc", "getAnnots", "getAnnot", "addAnnot", "syncAnnotScan",
		"getPageNthWord", "getPageNthWordQuads", "addScript", "addLink", "addField", "addWatermarkFromFile",
		"addWatermarkFromText", "extractPages", "insertPages", "replacePages", "deletePages", "spawnPageFromTemplate",
		"createTemplate", "getTemplate", "info", "metadata", "media", "newPlayer", "createMedia", "getMedia", "Collab",
		"collectEmailInfo", "SOAP", "Net", "HTTP", "ADBC", "RSS", "XMLData", "spell", "byteToChar", "crackURL", "security",
		"identity", "global", "execMenuItem", "addMenuItem", "addToolButton", "trustedFunction", "trustPropagatorFunction",
		"beginPriv", "endPriv", "setTimeOut", "setInterval", "clearTimeOut", "clearInterval", "setTimeout", "browseForDoc",
		"getPath", "getNthPlugInName", "plugIns", "openDlg", "execDialog", "response", "doc", "activeDocs", "hostContainer",
		"external", "postMessage", "syntaxError", "encryptUsingPolicy", "encryptForRecipients", "signatureSign", "submitURL",
		"readFileIntoStream", "stringFromStream", "streamFromString", "getOCGs", "createChild", "printSeps", "printParams",
		"getPrintParams", "path", "URL", "documentFileName", "baseURL", "viewState", "customDictionaryOpen", "gotoURL",
		"resolveNode", "resolveNodes", "execEvent", "exportData", "importData", "connectionSet", "loadXML", "saveXML",
		"appliedFunction", "toSource", "watch", "unwatch", "__defineGetter__", "__defineSetter__", "__lookupGetter__", "with",
		"import", "export", "require", "WebAssembly", "Proxy", "Reflect", "Symbol", "Promise", "async", "await", "yield", "class",
		"SharedArrayBuffer", "ArrayBuffer", "DataView", "Uint8Array", "Uint32Array", "Float64Array":
		return scriptDenied
	}
	return 0
}
